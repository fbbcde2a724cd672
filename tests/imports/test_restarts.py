"""An import may be broken off anywhere, repeated, or run twice at once: the end is that of a single one."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointbook.services import order_writing
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_runs import ImportRun
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.order_writing import OrderCounts
from tests.imports.files import SMALL_CHUNK, children, entries, imported, json_lines, members, order_rows, orders
from tests.support import NOW, join_member, make_programme, order_document, spendable

ORDERS = 14


class PowerCutError(Exception):
    """Something that the import does not expect."""


async def undisturbed(
    installation: Installation, path: Path
) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """Orders and entries of an import of the file into a programme of its own."""
    programme = await make_programme(installation)
    await members(installation, programme, 2)
    await imported(installation, programme, path)
    return await order_rows(installation, programme), await entries(installation, programme)


def varied_file(folder: Path) -> Path:
    """Orders of two members and a stranger, one line that is refused, one order that is reported twice."""
    documents = [*orders(ORDERS), b"{", order_document("o-1", "1.00", customer_id="c-2")]
    return json_lines(folder / "orders.jsonl", documents)


def after(calls: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """``then``, with a power cut before the call that follows so many."""
    count = 0

    async def cut(*arguments: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count > calls:
            raise PowerCutError
        return await then(*arguments, **more)

    return cut


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("chunks", [0, 1, 2, 3])
async def test_broken_off_inside_a_chunk_and_begun_again(
    installation: Installation,
    programme: ProgrammeSnapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunks: int,
) -> None:
    await members(installation, programme, 2)
    path = varied_file(tmp_path)
    with monkeypatch.context() as patch:  # points are credited, their orders not yet written
        patch.setattr(order_writing, "_insert", after(chunks, order_writing._insert))
        with pytest.raises(PowerCutError):
            await imported(installation, programme, path)
    assert len(await order_rows(installation, programme)) == chunks * SMALL_CHUNK
    report = await imported(installation, programme, path)
    assert (
        await order_rows(installation, programme),
        await entries(installation, programme),
    ) == await undisturbed(installation, path)
    assert (report.behind_line, report.last_line) == (chunks * SMALL_CHUNK, ORDERS + 2)
    assert [refusal.line for refusal in report.refusals] == [ORDERS + 1]


async def test_broken_off_between_an_order_that_needs_a_decision_and_the_end_of_its_chunk(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join_member(installation, programme)
    open_order = order_document("o-1", status="OPEN")
    path = json_lines(tmp_path / "orders.jsonl", [open_order, order_document("o-1"), b"{", order_document("o-2")])
    with monkeypatch.context() as patch:
        patch.setattr(ImportRun, "settle", after(0, ImportRun.settle))
        with pytest.raises(PowerCutError):
            await imported(installation, programme, path)
    report = await imported(installation, programme, path)
    assert (report.counts.known, report.refused) == (3, 1)
    assert await spendable(installation, programme) == 100


async def test_two_imports_of_one_file_at_the_same_time_have_one_effect(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    await members(installation, programme, 2)
    path = varied_file(tmp_path)
    reports = await asyncio.gather(*(imported(installation, programme, path) for _ in range(3)))
    assert (
        await order_rows(installation, programme),
        await entries(installation, programme),
    ) == await undisturbed(installation, path)
    assert sum(report.counts.earned + report.counts.parked for report in reports) == ORDERS
    assert {report.refused for report in reports} <= {0, 1}
    assert small_chunks < ORDERS


async def test_two_files_with_the_same_orders_at_the_same_time_have_one_effect(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    await members(installation, programme, 2)
    documents = orders(10 * small_chunks)
    paths = [
        json_lines(tmp_path / "forth.jsonl", documents),
        json_lines(tmp_path / "back.jsonl", reversed(documents)),
        json_lines(tmp_path / "forth.jsonl.gz", documents),
    ]
    reports = await asyncio.gather(*(imported(installation, programme, path) for path in paths))
    assert len(await order_rows(installation, programme)) == len(documents)
    assert sum(report.counts.earned for report in reports) == len(await entries(installation, programme))
    assert sum(report.counts.earned + report.counts.parked for report in reports) == len(documents)
    assert sum(report.counts.known for report in reports) == 2 * len(documents)


async def test_orders_that_are_submitted_while_they_are_imported_have_one_effect(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    await members(installation, programme)
    documents = orders(6 * small_chunks)
    path = json_lines(tmp_path / "orders.jsonl", documents)

    async def submit() -> int:
        answers = [
            await submit_order(installation, programme.id, document, now=NOW) for document in reversed(documents)
        ]
        return sum(not answer.replayed for answer in answers)

    report, submitted = await asyncio.gather(imported(installation, programme, path), submit())
    assert report.counts.earned + submitted == len(documents)
    assert len(await entries(installation, programme)) == len(documents)


@pytest.mark.parametrize(
    ("customer", "counts"),
    [("stranger", OrderCounts(known=1)), ("c-1", OrderCounts(earned=1, points=50))],
    ids=["the same", "of a customer who has not joined"],
)
async def test_an_order_that_comes_to_be_known_after_it_was_looked_for_is_looked_at_again(
    installation: Installation,
    programme: ProgrammeSnapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    customer: str,
    counts: OrderCounts,
) -> None:
    # a member's own order cannot: the import holds the lock of the account by then
    await join_member(installation, programme)
    document = order_document("o-1", customer_id=customer)
    meanwhile = order_document("o-1", customer_id="stranger")
    sorted_out = order_writing._sorted_out

    async def overtaken(*arguments: Any) -> Any:
        found = await sorted_out(*arguments)
        await submit_order(installation, programme.id, meanwhile, now=NOW)
        return found

    monkeypatch.setattr(order_writing, "_sorted_out", overtaken)
    report = await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", [document]))
    assert report.counts == counts
    assert len(await order_rows(installation, programme)) == 1


async def test_a_customer_who_joins_meanwhile_is_either_given_the_points_or_the_order_is_parked(
    installation: Installation, tmp_path: Path, small_chunks: int
) -> None:
    # R14: the lock of the customer's row decides, so that no order is lost between the two
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    customers = 5 * small_chunks
    path = json_lines(tmp_path / "orders.jsonl", orders(customers, customers))

    async def join() -> None:
        await members(installation, programme, customers)

    await asyncio.gather(imported(installation, programme, path), join())
    assert {row["state"] for row in await order_rows(installation, programme)} == {"EARNED"}


SLOW_IMPORT = """
import asyncio, sys, time
from datetime import UTC, datetime
from pathlib import Path
from pointbook.db.session import Database
from pointbook.services import import_files
from pointbook.services.installation import Installation
from pointbook.services.order_import import import_orders

async def main(url, secret, programme_id, path):
    installation = Installation.of(await Database.connect(url), secret)
    def progress(reached):
        print(reached.line, flush=True)
        time.sleep(0.3)
    await import_orders(installation, programme_id, path, clock=lambda: datetime.fromisoformat(sys.argv[5]),
                        progress=progress, processes=2)

if __name__ == "__main__":
    import_files.CHUNK_RECORDS = 4
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
"""


async def test_killed_in_the_middle_and_begun_again(
    installation: Installation, programme: ProgrammeSnapshot, database_url: str, tmp_path: Path, small_chunks: int
) -> None:
    await members(installation, programme, 2)
    path = varied_file(tmp_path)
    script = tmp_path / "slow_import.py"
    script.write_text(SLOW_IMPORT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, script, database_url, "a secret of tests that is long enough"),
        *(str(programme.id), path, NOW.isoformat()),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert int(await process.stdout.readline()) == small_chunks
    readers = children(process.pid)
    process.kill()
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(readers) == 2
    await asyncio.to_thread(_wait_until_gone, readers)

    report = await imported(installation, programme, path)
    assert report.behind_line >= small_chunks
    assert (
        await order_rows(installation, programme),
        await entries(installation, programme),
    ) == await undisturbed(installation, path)


def _wait_until_gone(pids: set[int]) -> None:
    """The processes of a pool end with the one that started them, however it ends."""
    deadline = time.monotonic() + 20
    while any(_is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process outlived the one that started it"
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
