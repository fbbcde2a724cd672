"""What staff should look at: written down with what it is about, and told to whoever listens."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.domain import errors
from pointbook.services import outbox
from pointbook.services.installation import Installation

STAFF_WARNED: Final = "staff.warned"


class WarningKind(enum.StrEnum):
    LATE_PURCHASE_OWED = "LATE_PURCHASE_OWED"
    """A voucher paid late, and its member owes points since."""
    LATE_PURCHASE_REFUSED = "LATE_PURCHASE_REFUSED"
    """A voucher did not pay what was bought with it in time: its points are gone, and nobody may owe any."""
    REDEMPTION_NOT_REPEATED = "REDEMPTION_NOT_REPEATED"
    """An order was completed again without the points that had paid it."""
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED"
    """A subscription was switched off, because nothing but failures came from its URL."""
    MEMBER_HAS_LEFT = "MEMBER_HAS_LEFT"
    """Something was reported of a member who has left: no point was given back or taken back, or earned."""


@dataclass(frozen=True, slots=True)
class StaffWarning:
    """``subject``: "order <the shop's id>", "redemption <id>" or "webhook subscription <id>"; ``detail``: figures
    in points, or the reason.
    """

    id: int
    at: datetime
    kind: WarningKind
    subject: str
    detail: Mapping[str, Any]


async def warn(
    connection: Connection,
    programme_id: int,
    kind: WarningKind,
    subject: str,
    detail: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Warn in the transaction of what it is about. The same refusal again, or the same of who left: nothing."""
    written = orjson.dumps(detail).decode()
    if await connection.fetchval(_INSERT, programme_id, now, kind.value, subject, written):
        message = {"kind": kind.value, "subject": subject, **detail}
        await outbox.append(connection, programme_id, STAFF_WARNED, message, now=now)


async def warn_of_refusal(
    db: Database, programme_id: int, subject: str, refusal: errors.InsufficientPoints, *, now: datetime
) -> None:
    """Warn of a late purchase that was refused, when nothing is left of its transaction."""
    detail = {"requested": refusal.requested, "available": refusal.available}

    async def attempt() -> None:
        async with db.bare_transaction(programme_id) as connection:
            await warn(connection, programme_id, WarningKind.LATE_PURCHASE_REFUSED, subject, detail, now=now)

    await retrying(attempt)


async def warn_of_who_left(db: Database, programme_id: int, subject: str, *, now: datetime) -> None:
    """Warn of a purchase that a voucher does not pay because its member has left."""

    async def attempt() -> None:
        async with db.bare_transaction(programme_id) as connection:
            await warn(connection, programme_id, WarningKind.MEMBER_HAS_LEFT, subject, {}, now=now)

    await retrying(attempt)


async def list_warnings(
    installation: Installation, programme_id: int, *, first: int, before_id: int | None = None
) -> list[StaffWarning]:
    """At most ``first`` warnings, newest first, older than ``before_id``."""
    async with installation.db.bare_transaction(programme_id) as connection:
        rows = await connection.fetch(_WARNINGS, programme_id, before_id, first)
    return [
        StaffWarning(row["id"], row["at"], WarningKind(row["kind"]), row["subject"], orjson.loads(row["detail"]))
        for row in rows
    ]


_INSERT = """
insert into staff_warning (programme_id, at, kind, subject, detail)
values ($1, $2, $3, $4, $5::text::jsonb)
on conflict (programme_id, subject, detail) where kind in ('LATE_PURCHASE_REFUSED', 'MEMBER_HAS_LEFT') do nothing
returning true
"""

_WARNINGS = """
select id, at, kind, subject, detail::text as detail
from staff_warning
where programme_id = $1 and ($2::bigint is null or id < $2)
order by id desc
limit $3
"""
