"""Files of orders for tests, and how tests import them."""

import gzip
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import psutil

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_reports import ImportReport, Progress
from pointbook.services.installation import Installation
from pointbook.services.order_import import import_orders
from pointbook.services.order_writing import OrderCounts
from tests.support import NOW, join_member, order_document

SMALL_CHUNK = 4


def now() -> datetime:
    return NOW


def orders(number: int, customers: int = 3, *, first: int = 1) -> list[dict[str, Any]]:
    """Orders of customers c-1, c-2, ..., of 1.00, 2.00, ..."""
    return [
        order_document(f"o-{n}", f"{n}.00", customer_id=f"c-{n % customers + 1}")
        for n in range(first, first + number)
    ]


def json_lines(path: Path, documents: Iterable[object]) -> Path:
    """What is bytes stands in the file as it is."""
    lines = (document if isinstance(document, bytes) else orjson.dumps(document) for document in documents)
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


async def members(installation: Installation, programme: ProgrammeSnapshot, number: int = 3) -> None:
    for n in range(1, number + 1):
        await join_member(installation, programme, f"c-{n}")


async def imported(
    installation: Installation,
    programme: ProgrammeSnapshot,
    path: Path,
    *,
    clock: Callable[[], datetime] = now,
    progress: Callable[[Progress], None] | None = None,
    processes: int = 0,
) -> ImportReport[OrderCounts]:
    return await import_orders(
        installation, programme.id, path, clock=clock, progress=progress, processes=processes
    )


async def order_rows(installation: Installation, programme: ProgrammeSnapshot) -> list[dict[str, Any]]:
    """All that is kept of orders, but for what differs between two programmes."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select orders.*, customer.external_id as earner from sales_order as orders"
            " left join member_external_id as customer using (programme_id, account_id)"
            " order by orders.external_id"
        )
    differs = ("programme_id", "account_id")
    return [{name: value for name, value in row.items() if name not in differs} for row in rows]


async def entries(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[Any, ...]]:
    """What the ledger tells of accruals, in the order of their accounts' customers."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select customer.external_id, entry.seq, entry.source_type, entry.source_id, lot.granted,"
            " lot.value_per_point, lot.available_from, lot.expires_at, lot.settings_version"
            " from ledger.entry join member_external_id as customer using (programme_id, account_id)"
            " join ledger.lot using (programme_id, account_id, seq) order by 1, 2"
        )
    return [tuple(row) for row in rows]


def children(pid: int) -> set[int]:
    """The processes that a process has started and that are still there."""
    return {child.pid for child in psutil.Process(pid).children()}
