"""Members who want it are told of points that expire: once a day, some days before (``expiryNoticeDays``).

A day on which points end is told once for each of the settings' numbers of days, of which the smallest counts that
it is not beyond: who gets points that end in five days is told once, not for 30 days as well. That also catches up
with days on which no worker ran. What a member is to be told on one day is one mail.

The rows that say what was told, the message and how far the round has come are one transaction, so a round that
breaks off goes on where it was, and nothing is told twice.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pointbook.db.queries import notices as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.domain.calendar import expiring_until, last_day
from pointbook.domain.notices import NoticeKind, about_expiry, parsed_expiry
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot, ProgrammeState
from pointbook.services.notices.promising import append_mail
from pointbook.services.notices.settings import settings_of
from pointbook.services.programme_turns import take_turns

FIRST_HOUR: Final = 8
"""Local: mail about points wakes nobody."""
BATCH: Final = 500
_OPEN: Final = (ProgrammeState.ACTIVE, ProgrammeState.EARNING_STOPPED)


@dataclass(frozen=True, slots=True)
class Promised:
    """Mails, and programmes that could not be served."""

    mails: int = 0
    failed: int = 0


async def promise_of_expiry(
    database: Database,
    programmes: ProgrammeDirectory,
    *,
    now: datetime,
    of: Iterable[int] | None = None,
    batch: int = BATCH,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Promised:
    """Promise the mails of the local day that has begun in each programme, ``batch`` members in a transaction.

    ``now`` is the real instant; ``of`` are the programmes, by default all.
    Programmes take turns until all are done or ``seconds`` have passed; the next run goes on. One that fails is
    logged and does not stop the others. Any number of workers may run it.
    """

    async def promise(programme_id: int) -> int | None:
        programme = await programmes.get(programme_id)
        return await _one_batch(database, programme, batch, programme.now(now))

    served = await take_turns(
        deque(of or await programme_ids(database)),
        promise,
        more=lambda promised: promised is not None,
        failure="notices.programme_failed",
        seconds=seconds,
        stopping=stopping,
    )
    return Promised(sum(promised or 0 for promised in served.done), served.failed)


async def _one_batch(database: Database, programme: ProgrammeSnapshot, batch: int, now: datetime) -> int | None:
    """Mails for the next members; None: the day is done, or has nothing to do."""
    local = now.astimezone(programme.zone)
    days = programme.settings_at(now).expiry_notice_days
    if programme.state not in _OPEN or local.hour < FIRST_HOUR or not days:
        return None

    async def attempt() -> int | None:
        async with database.bare_transaction(programme.id) as connection:
            after = await rows.lock_round(connection, programme.id, local.date())
            if after is None or NoticeKind.POINTS_EXPIRING in (await settings_of(connection, programme.id)).off:
                return None
            members = await rows.wanting_after(connection, programme.id, after, most=batch)
            until = expiring_until(now, max(days), programme.zone)
            ends = await rows.expiring(connection, programme.id, list(members), now=now, until=until)
            promised = await _promise(connection, programme, members, ends, now)
            await rows.keep_round(
                connection, programme.id, local.date(), max(members) if len(members) == batch else None
            )
            return promised

    return await retrying(attempt)


async def _promise(
    connection: Connection,
    programme: ProgrammeSnapshot,
    members: Mapping[int, UUID],
    ends: Iterable[tuple[int, datetime]],
    now: datetime,
) -> int:
    """A mail for each member with a day that was not told yet; returns how many."""
    today, days = now.astimezone(programme.zone).date(), programme.settings_at(now).expiry_notice_days
    found: dict[str, UUID] = {}
    for account_id, expires_at in ends:
        account, day = members[account_id], last_day(expires_at, programme.zone)
        step = min(number for number in days if number >= (day - today).days)
        found[about_expiry(account, day, step)] = account
    new = await rows.insert(connection, programme.id, NoticeKind.POINTS_EXPIRING, list(found), now=now)
    mails: dict[UUID, list[str]] = defaultdict(list)
    for about, account in found.items():
        if about in new:
            mails[account].append(about)
    for account, abouts in mails.items():
        payload = {"account": account.hex}
        await append_mail(connection, programme.id, NoticeKind.POINTS_EXPIRING, abouts, payload, now=now)
    return len(mails)


async def known_as(connection: Connection, programme_id: int, abouts: Iterable[str]) -> dict[str, str]:
    """What one account was promised, each with the name by which a round asks for it by now: that of the member
    who has the points.
    """
    parsed = {about: parsed_expiry(about) for about in abouts}
    [account] = {account for account, _, _ in parsed.values()}
    found = await rows.recipient(connection, programme_id, account)
    whose = account if found is None else found.public_id
    return {about: about_expiry(whose, day, step) for about, (_, day, step) in parsed.items()}
