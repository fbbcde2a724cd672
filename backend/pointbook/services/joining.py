"""A customer joins: an account is opened, sign-up points are given once, parked orders may be released."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import uuid4

from pointbook import ledger
from pointbook.db.queries.customers import lock_customer
from pointbook.db.queries.leaving import is_blocked
from pointbook.db.queries.members import external_ids, name
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.domain.members import birthday
from pointbook.ledger import Accrual, NewLot
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, check_unchanged
from pointbook.services.granting import SIGN_UP, points_in, tell_credited
from pointbook.services.installation import Installation
from pointbook.services.judging import Judge
from pointbook.services.members import MEMBER_OF_EXTERNAL_ID, Member, checked_locale, member_of, members_email
from pointbook.services.rejoining import rejoin_digest, rejoin_id_digest
from pointbook.services.releasing import Names, Releasing

MEMBER_JOINED: Final = "member.joined"


@dataclass(frozen=True, slots=True)
class Join:
    """``external_id`` is the shop's customer id. Only the shop's server can say that an address is verified.

    ``opt_in``: whether they want loyalty notices; None: they did not say.
    """

    external_id: str
    email: str | None = None
    email_verified: bool = False
    locale: str | None = None
    opt_in: bool | None = None
    birthday: date | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """``created``: by this call. ``released`` parked orders and bookings were given to the member by it.

    ``external_ids``: all that the shop calls the member.
    """

    member: Member
    created: bool
    external_ids: tuple[str, ...]
    released: int = 0


async def join(
    installation: Installation,
    programme_id: int,
    command: Join,
    *,
    joined_at: datetime | None = None,
    tells: bool = True,
    now: datetime,
) -> Joined:
    """Make a customer a member, or find the member that they are; only the first call has an effect.

    Sign-up points are given as the settings and rules in force say (R12), not again within the block after
    leaving. ``joined_at`` (None: now) is when a member whom the shop had before joined; R12 is judged as of then,
    and what has expired since is not given. Without ``tells`` nobody is told.
    Raises InvalidInput, ProgrammeNotOpen.
    """

    async def call(programme: ProgrammeSnapshot) -> Joined:
        judge, customer = Judge(programme, now), checked(programme, command, now)
        joining = _Joining(installation, programme, judge, customer, joined_at or now, tells, now)
        async with installation.turns.turn(programme.id, command.external_id):
            return await retrying(joining.settle)

    return await installation.programmes.while_unchanged(programme_id, call)


@dataclass(frozen=True, slots=True)
class _Joining:
    installation: Installation
    programme: ProgrammeSnapshot
    judge: Judge
    command: Join
    joined_at: datetime
    tells: bool
    now: datetime

    async def settle(self) -> Joined:
        external_id = self.command.external_id
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            row = await connection.fetchrow(MEMBER_OF_EXTERNAL_ID, self.programme.id, external_id)
            if row is None and await lock_customer(connection, self.programme.id, external_id) is not None:
                row = await connection.fetchrow(MEMBER_OF_EXTERNAL_ID, self.programme.id, external_id)
            if row is not None:
                names = await external_ids(connection, self.programme.id, row["account_id"])
                return Joined(member_of(row), created=False, external_ids=tuple(names))
            return await self._enrol(connection)

    async def _enrol(self, connection: Connection) -> Joined:
        self.programme.require_open()
        public_id = uuid4()
        account_id = await ledger.open_account(connection, self.programme.id, public_id, now=self.now)
        account = AccountKey(account_id, public_id)
        gift = NO_GIFT if await self._is_blocked(connection) else sign_up(self.judge, self.joined_at, now=self.now)
        row = await connection.fetchrow(
            _INSERT,
            self.programme.id,
            account_id,
            public_id,
            self.command.email,
            self.command.email_verified,
            self.command.locale,
            self.joined_at,
            gift.points,
            gift.judgement,
            bool(self.command.opt_in),
            None if self.command.opt_in is None else self.now,
            self.command.birthday,
        )
        await name(connection, self.programme.id, self.command.external_id, account_id)
        if self.tells:
            payload = {"account": public_id.hex}
            await outbox.append(connection, self.programme.id, MEMBER_JOINED, payload, now=self.now)
        await self._give_sign_up_points(connection, account, gift.lots)
        names = Names(self.command.external_id, self.command.email if self.command.email_verified else None)
        releasing = Releasing(self.programme, self.judge, self.tells, self.now)
        released = await releasing.release(connection, account, names)
        await check_unchanged(connection, self.programme)
        return Joined(member_of(row), created=True, external_ids=(self.command.external_id,), released=released)

    async def _is_blocked(self, connection: Connection) -> bool:
        """Whether who has this id or address left not long ago; known by keyed hashes only."""
        digests = [rejoin_id_digest(self.installation, self.programme.id, self.command.external_id)]
        if self.command.email is not None:
            digests.append(rejoin_digest(self.installation, self.programme.id, self.command.email))
        return await is_blocked(connection, self.programme.id, digests, now=self.now)

    async def _give_sign_up_points(
        self, connection: Connection, account: AccountKey, lots: tuple[NewLot, ...]
    ) -> None:
        if not lots:
            return
        accrual = Accrual(account.account_id, SIGN_UP, account.public_id.hex, 1, lots)
        [accrued] = await ledger.accrue(connection, self.programme.id, [accrual], now=self.now)
        assert accrued.status == "ok", "nobody knows the new account yet"
        assert accrued.seq is not None, "it was credited"
        await self._tell_credited(connection, account, accrued.seq, lots)

    async def _tell_credited(
        self, connection: Connection, account: AccountKey, seq: int, lots: tuple[NewLot, ...]
    ) -> None:
        if self.tells:
            await tell_credited(connection, self.programme, account, seq, lots, now=self.now)


class SignUpGift(NamedTuple):
    """The lots for joining, and as JSON which rules gave them; None if nothing was given."""

    lots: tuple[NewLot, ...]
    judgement: str | None

    @property
    def points(self) -> int:
        return points_in(self.lots)


NO_GIFT: Final = SignUpGift((), None)


def sign_up(judge: Judge, joined_at: datetime, *, now: datetime) -> SignUpGift:
    """What joining at an instant gives (R12): nothing outside of periods, or what has expired by now."""
    result = judge.joining(joined_at)
    lots = judge.lots(result.parts, joined_at, now=now)
    return SignUpGift(lots, judge.record(result)) if lots else NO_GIFT


def checked(programme: ProgrammeSnapshot, command: Join, now: datetime) -> Join:
    """The command with its address in the form that is kept. Raises InvalidInput."""
    external_id = text.identifier("customerExternalId", command.external_id)
    email = None if command.email is None else members_email("email", command.email)
    if command.email_verified and email is None:
        raise InvalidInput("emailVerified", "needs an email")
    checked_locale(programme, command.locale)
    born = birthday("birthday", command.birthday, now.astimezone(programme.zone).date())
    return Join(external_id, email, command.email_verified, command.locale, command.opt_in, born)


_INSERT = """
insert into member
    (programme_id, account_id, public_id, email, email_verified, locale, joined_at, sign_up_points,
    sign_up_judgement, notices, notices_since, birthday)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning *
"""
