"""A salon as the tests of bookings have it, and what its bookings come to."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from pointbook.services import account
from pointbook.services.bookings import SubmittedBooking, submit_booking
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from tests.support import DAY, NOW, SECRET, booking_document, join_member, make_programme

HOUR = timedelta(hours=1)
LATER = NOW + 30 * DAY
"""When every appointment here is long over."""


async def salon(installation: Installation, *, joined: bool = True, **settings: Any) -> ProgrammeSnapshot:
    """25 points for a cut and nothing else; c-1 is a member."""
    programme = await make_programme(installation, {"earnsFromRevenue": False, **settings}, now=NOW - 30 * DAY)
    await add_rule(installation, programme)
    if joined:
        await join_member(installation, programme)
    return programme


async def add_rule(installation: Installation, programme: ProgrammeSnapshot, **more: Any) -> None:
    rule = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"], **more}
    await create_rule(installation, programme.id, rule, now=NOW - 30 * DAY)


async def book(
    installation: Installation, programme: ProgrammeSnapshot, *, now: datetime = NOW, **more: Any
) -> SubmittedBooking:
    return await submit_booking(installation, programme.id, booking_document(**more), now=now)


async def figures(
    installation: Installation, programme: ProgrammeSnapshot, *, now: datetime = NOW, customer: str = "c-1"
) -> tuple[int, int, int]:
    """Available, pending, debt."""
    balance = await account.balance(installation, programme.id, customer, now=now)
    assert balance is not None
    return balance.available, balance.pending, balance.debt


async def entries(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[str, int]]:
    """Kinds and occurrences of what bookings did."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select kind, occurrence from ledger.entry where source_type = 'booking' order by account_id, seq"
        )
    return [(row["kind"], row["occurrence"]) for row in rows]


async def waiting(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[timedelta, int]]:
    """In how many hours credits will be told of, and of how many points; what was delivered is not in it."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select due_at - now() as delay, payload from outbox_message"
            " where topic = 'points.credited' and delivered_at is null order by id"
        )
    return [(timedelta(hours=round(row["delay"] / HOUR)), orjson.loads(row["payload"])["points"]) for row in rows]


def processes(installation: Installation, number: int) -> list[Installation]:
    """Views of as many processes: their turns and caches know nothing of each other."""
    return [Installation.of(installation.db, SECRET) for _ in range(number)]
