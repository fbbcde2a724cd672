"""Bulk import of members from a file, in chunks, each in one transaction.

A member is what it is in ``joining``: known by the shop's customer id, joined once, given sign-up points once.
A customer with parked orders that joining releases is joined one by one. Nobody is told: these are members whom
the shop had before.

A line of JSON, or a row of CSV with columns of the same names: ``externalId``, ``email``, ``emailVerified``,
``locale``, ``optIn``, ``birthday``, ``joinedAt`` (not in the future; without it they join now). Sign-up points
follow R12 as of that instant, so that those of a joining long ago may have expired and are not given.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.queries.customer_sets import accounts_of, lock_customers
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.errors import InvalidInput, PointbookError
from pointbook.domain.reading import instant, object_of, optional_truth, truth
from pointbook.domain.text import identifier
from pointbook.ledger import Accrual
from pointbook.services.directory import ProgrammeSnapshot, check_unchanged
from pointbook.services.granting import SIGN_UP, points_in
from pointbook.services.import_files import Chunk, Heading, ImportFile, Record, Refusal
from pointbook.services.import_records import check_columns, document_of, refusal_of
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import ImportKind, ImportRun, LastTry
from pointbook.services.installation import Installation
from pointbook.services.joining import (
    NO_GIFT,
    Join,
    SignUpGift,
    checked,
    join,
    sign_up,
)
from pointbook.services.judging import Judge
from pointbook.services.rejoining import rejoin_digest, rejoin_id_digest

_COLUMNS: Final = frozenset({"externalId", "email", "emailVerified", "locale", "optIn", "birthday", "joinedAt"})
_TRUTHS: Final = {"true": True, "false": False}


@dataclass(slots=True)
class MemberCounts(Counts):
    """``known`` were members before; nothing of them changed. ``points`` are for signing up."""

    joined: int = 0
    known: int = 0
    points: int = 0


class _NewMember(NamedTuple):
    line: int
    command: Join
    joined_at: datetime


async def import_members(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport[MemberCounts]:
    """Import a file of members, JSON Lines or CSV, plain or gzip, and report what came of it.

    A line that cannot be used is refused with its reason and the import goes on. Repeated, broken off and begun
    again, or run twice at the same time, it has the same effect as once.
    Raises InvalidInput when the file cannot be read, ProgrammeNotOpen, ClockAhead.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    file = await asyncio.to_thread(ImportFile.open, path, key=None)
    if file.heading is not None:
        check_columns(file.heading, _COLUMNS)
    run, lines_done = await ImportRun.begin(installation.db, programme_id, ImportKind.MEMBERS, file, now=clock())
    report = ImportReport(MemberCounts(), behind_line=lines_done, last_line=lines_done)
    chunks = file.chunks(lines_done)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        write = partial(_write, installation, run, chunk, file.heading, now=clock())
        report.counts.add(await installation.programmes.while_open(programme_id, write))
        report.last_line = chunk.last_line
        if progress is not None:
            progress(Progress(chunk.offset, file.size, chunk.last_line))
    report.refused, report.refusals = await run.finish(installation.db, now=clock())
    return report


async def _write(
    installation: Installation,
    run: ImportRun,
    chunk: Chunk,
    heading: Heading | None,
    programme: ProgrammeSnapshot,
    *,
    now: datetime,
) -> MemberCounts:
    importing = _Importing(installation, programme, run, now)
    members, refusals = importing.read(chunk, heading)
    return await importing.write(chunk, members, refusals)


@dataclass(frozen=True, slots=True)
class _Importing:
    """A chunk of an import."""

    installation: Installation
    programme: ProgrammeSnapshot
    run: ImportRun
    now: datetime

    def read(self, chunk: Chunk, heading: Heading | None) -> tuple[list[_NewMember], list[Refusal]]:
        members: dict[str, _NewMember] = {}
        refusals = list(chunk.refusals)
        for record in chunk.records:
            raw: Any = None
            try:
                raw = _raw(record, heading)
                member = self._checked(record.line, raw)
                members.setdefault(member.command.external_id, member)
            except PointbookError as error:
                refusals.append(refusal_of(record.line, raw, error))
        return list(members.values()), refusals

    def _checked(self, line: int, raw: object) -> _NewMember:
        get = object_of("" if isinstance(raw, dict) else "member", raw, _COLUMNS).get
        joined_at = self.now if get("joinedAt") is None else instant("joinedAt", get("joinedAt"))
        if joined_at > self.now:
            raise InvalidInput("joinedAt", "must not be in the future")
        verified = optional_truth("emailVerified", get("emailVerified"), default=False)
        opt_in = None if get("optIn") is None else truth("optIn", get("optIn"))
        customer = identifier("externalId", get("externalId"))
        command = Join(customer, get("email"), verified, get("locale"), opt_in, get("birthday"))
        return _NewMember(line, checked(self.programme, command, self.now), joined_at)

    async def write(
        self, chunk: Chunk, members: Sequence[_NewMember], refusals: Sequence[Refusal]
    ) -> MemberCounts:
        """Everybody who is not a member yet joins, in one transaction; those with parked orders one by one."""
        last_try = LastTry[tuple[MemberCounts, list[_NewMember]]]()

        async def call() -> tuple[MemberCounts, list[_NewMember]]:
            async with self.installation.db.bare_transaction(self.programme.id) as connection:
                claim = await self.run.claim(connection, chunk.last_line)
                committed = await last_try.committed(connection)
                if claim is None or committed is not None:
                    return committed or (MemberCounts(), [])
                counts, single = await self._enrol_new(connection, members)
                await check_unchanged(connection, self.programme)
                counts.known += len(chunk.records) + len(chunk.refusals) - len(refusals) - len(members)
                if not single:
                    await claim.settle(refusals)
                last_try.keep(claim, (counts, single))
                return counts, single

        counts, single = await retrying(call)
        for member in single:
            joined = await join(
                self.installation,
                self.programme.id,
                member.command,
                joined_at=member.joined_at,
                tells=False,
                now=self.now,
            )
            counts.add(MemberCounts(joined.created, not joined.created, joined.member.sign_up_points))
        if single:
            await retrying(lambda: self.run.settle(self.installation.db, chunk.last_line, refusals))
        return counts

    async def _enrol_new(
        self, connection: Connection, members: Sequence[_NewMember]
    ) -> tuple[MemberCounts, list[_NewMember]]:
        names = {member.command.external_id for member in members}
        known = await accounts_of(connection, self.programme.id, names)
        locked = await lock_customers(connection, self.programme.id, names - known.keys())
        new = [member for member in members if locked.get(member.command.external_id, 0) is None]
        counts = MemberCounts(known=len(members) - len(new))
        single = await self._with_what_is_parked(connection, new)
        await self._enrol(connection, [member for member in new if member not in single], counts)
        return counts, single

    async def _with_what_is_parked(
        self, connection: Connection, members: Sequence[_NewMember]
    ) -> list[_NewMember]:
        """Whose joining gives effect to orders or bookings, when the settings say so."""
        if not self.programme.settings_at(self.now).release_parked_on_join:
            return []
        names = [member.command.external_id for member in members]
        emails = [member.command.email for member in members if member.command.email_verified]
        rows = await connection.fetch(_PARKED, self.programme.id, names, emails, self.programme.currency)
        waiting = {row["customer_external_id"] for row in rows}
        addresses = {row["customer_email"] for row in rows} - {None}
        return [m for m in members if m.command.external_id in waiting or _verified_email(m.command) in addresses]

    async def _enrol(self, connection: Connection, members: Sequence[_NewMember], counts: MemberCounts) -> None:
        if not members:
            return
        judge = Judge(self.programme, self.now)
        blocked = await self._blocked(connection, members)
        rows, accruals = [], []
        for member in members:
            command, public_id = member.command, uuid4()
            account = await ledger.open_account(connection, self.programme.id, public_id, now=self.now)
            gift = NO_GIFT if command.external_id in blocked else sign_up(judge, member.joined_at, now=self.now)
            rows.append(_row(member, account, public_id, gift, self.now))
            if gift.lots:
                accruals.append(Accrual(account, SIGN_UP, public_id.hex, 1, gift.lots))
        await connection.execute(_INSERT, self.programme.id, *map(list, zip(*rows, strict=True)))
        await ledger.accrue(connection, self.programme.id, accruals, now=self.now)
        counts.joined += len(rows)
        counts.points += sum(points_in(accrual.lots) for accrual in accruals)

    async def _blocked(self, connection: Connection, members: Sequence[_NewMember]) -> set[str]:
        """The external ids of those who left not long ago, under this id or with this address."""
        installation, programme_id = self.installation, self.programme.id
        digests: dict[bytes, list[str]] = defaultdict(list)
        for member in members:
            name, email = member.command.external_id, member.command.email
            digests[rejoin_id_digest(installation, programme_id, name)].append(name)
            if email is not None:
                digests[rejoin_digest(installation, programme_id, email)].append(name)
        rows = await connection.fetch(_BLOCKED, programme_id, list(digests), self.now)
        return {name for row in rows for name in digests[row["digest"]]}


def _verified_email(command: Join) -> str | None:
    return command.email if command.email_verified else None


def _row(member: _NewMember, account: int, public_id: UUID, gift: SignUpGift, now: datetime) -> tuple[object, ...]:
    command = member.command
    return (
        command.external_id,
        account,
        public_id,
        command.email,
        command.email_verified,
        command.locale,
        member.joined_at,
        gift.points,
        gift.judgement,
        bool(command.opt_in),
        None if command.opt_in is None else now,
        command.birthday,
    )


def _raw(record: Record, heading: Heading | None) -> Any:
    document = document_of(record, heading)
    if heading is not None:
        for name in ("emailVerified", "optIn"):
            if (truth := document.get(name)) is not None:
                document[name] = _TRUTHS.get(truth.lower(), truth)
    return document


_PARKED = """
select customer_external_id, customer_email
from sales_order
where programme_id = $1 and state = 'PARKED' and currency = $4
    and (customer_external_id = any($2) or customer_email = any($3))
union all
select customer_external_id, customer_email
from booking
where programme_id = $1 and state = 'PARKED' and (customer_external_id = any($2) or customer_email = any($3))
"""

_BLOCKED = """
select digest from rejoin_block
where programme_id = $1 and digest = any($2::bytea[]) and blocked_until > $3
"""

_INSERT = """
with given as (
    select *
    from unnest(
        $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bool[], $7::text[], $8::timestamptz[], $9::bigint[],
        $10::json[], $11::bool[], $12::timestamptz[], $13::date[])
        as given (
            external_id, account_id, public_id, email, email_verified, locale, joined_at, points, judgement,
            notices, notices_since, birthday)
), members as (
    insert into member (
        programme_id, account_id, public_id, email, email_verified, locale, joined_at, sign_up_points,
        sign_up_judgement, notices, notices_since, birthday)
    select $1, account_id, public_id, email, email_verified, locale, joined_at, points, judgement, notices,
        notices_since, birthday
    from given
)
update member_external_id as known set account_id = given.account_id
from given
where known.programme_id = $1 and known.external_id = given.external_id
"""
