"""A connection that breaks at a COMMIT, before or after it is carried out, changes nothing of the report."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pointbook.db.session import Connection, Database
from pointbook.services.import_reports import ImportReport
from pointbook.services.import_runs import Claim, ImportRun
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.member_import import MemberCounts, import_members
from pointbook.services.order_writing import OrderCounts
from tests.imports.files import entries, imported, json_lines, members, now, order_rows, orders
from tests.support import NOW, make_programme, order_document

pytestmark = pytest.mark.usefixtures("small_chunks")

SETTINGS = {"signUpPoints": 100, "releaseParkedOnJoin": True}
CARRIED_OUT = pytest.mark.parametrize("carried_out", [True, False])


def break_at_commits(patch: pytest.MonkeyPatch, *, carried_out: bool) -> list[int]:
    """The connection breaks at the first COMMIT of every chunk. Returns where their last lines will be noted."""
    broken: list[int] = []
    claimed: set[int] = set()
    claim, transaction = ImportRun.claim, Database.bare_transaction

    def break_once() -> None:
        if lines := claimed - set(broken):
            broken.extend(lines)
            raise ConnectionResetError

    async def noted(run: ImportRun, connection: Connection, last_line: int) -> Claim | None:
        claimed.add(last_line)
        return await claim(run, connection, last_line)

    @contextlib.asynccontextmanager
    async def breaking(db: Database, programme_id: int) -> AsyncIterator[Connection]:
        claimed.clear()
        async with transaction(db, programme_id) as connection:
            yield connection
            if not carried_out:
                break_once()
        break_once()

    patch.setattr(ImportRun, "claim", noted)
    patch.setattr(Database, "bare_transaction", breaking)
    return broken


@CARRIED_OUT
async def test_what_an_import_of_orders_did_is_reported_once(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, carried_out: bool
) -> None:
    # the first chunk needs no decision, the second does, and the third has a refused line
    documents: list[object] = [*orders(5), order_document("o-5", status="SENT"), order_document("o-5", "5.00")]
    path = json_lines(tmp_path / "orders.jsonl", [*documents, *orders(2, first=20), b"{"])

    async def report() -> tuple[ImportReport[OrderCounts], Any, Any]:
        programme = await make_programme(installation)
        await members(installation, programme, 2)
        done = await imported(installation, programme, path)
        return done, await order_rows(installation, programme), await entries(installation, programme)

    undisturbed = await report()
    with monkeypatch.context() as patch:
        broken = break_at_commits(patch, carried_out=carried_out)
        assert await report() == undisturbed
    assert broken == [4, 8, 10]


@CARRIED_OUT
async def test_what_an_import_of_members_did_is_reported_once(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, carried_out: bool
) -> None:
    # c-6 has a parked order, so that its joining needs a transaction of its own
    path = json_lines(tmp_path / "members.jsonl", [{"externalId": f"c-{n % 7}"} for n in range(9)])

    async def report() -> tuple[ImportReport[MemberCounts], Any, Any]:
        programme = await make_programme(installation, SETTINGS)
        await submit_order(installation, programme.id, order_document(customer_id="c-6"), now=NOW)
        done = await import_members(installation, programme.id, path, clock=now)
        granted = [(entry[0], entry[4]) for entry in await entries(installation, programme)]
        return done, await order_rows(installation, programme), granted

    undisturbed = await report()
    assert undisturbed[0].counts == MemberCounts(joined=7, known=2, points=700)
    with monkeypatch.context() as patch:
        broken = break_at_commits(patch, carried_out=carried_out)
        assert await report() == undisturbed
    assert broken == [4, 8, 9]
