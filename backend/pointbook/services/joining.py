"""A customer joins: an account is opened, sign-up points are given once, parked orders may be released."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from pointbook import ledger
from pointbook.db.queries import bookings, orders
from pointbook.db.queries.customers import lock_customer
from pointbook.db.queries.returns import locked_order
from pointbook.db.queries.rule_counts import add_counts
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import earning, text
from pointbook.domain.errors import InvalidInput, UnknownStore
from pointbook.domain.members import birthday
from pointbook.domain.orders import OrderContent
from pointbook.domain.rules import Counter
from pointbook.ledger import Accrual, NewLot
from pointbook.services import outbox
from pointbook.services.booking_settling import BookingSettling
from pointbook.services.directory import AccountKey, ProgrammeChangedError, ProgrammeSnapshot, check_unchanged
from pointbook.services.granting import ORDER, SIGN_UP, points_in, tell_credited
from pointbook.services.installation import Installation
from pointbook.services.judging import Circumstances, Judge
from pointbook.services.members import MEMBER_OF_EXTERNAL_ID, Member, member_of, normalised_email
from pointbook.services.return_reckoning import Left, Reckoning

MEMBER_JOINED: Final = "member.joined"
RELEASED_MAX: Final = 1_000
"""Parked orders that joining releases; what is beyond waits until it is reported again."""
BOOKINGS_RELEASED_MAX: Final = 100


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
    """``created``: by this call. ``released`` parked orders and bookings were given to the member by it."""

    member: Member
    created: bool
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

    return await installation.programmes.while_open(programme_id, call)


class _JudgedOrder(NamedTuple):
    lots: tuple[NewLot, ...]
    released: orders.Released


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
                return Joined(member_of(row), created=False)
            return await self._enrol(connection)

    async def _enrol(self, connection: Connection) -> Joined:
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
        await connection.execute(_NAME, self.programme.id, self.command.external_id, account_id)
        if self.tells:
            payload = {"account": public_id.hex}
            await outbox.append(connection, self.programme.id, MEMBER_JOINED, payload, now=self.now)
        await self._give_sign_up_points(connection, account, gift.lots)
        released = 0
        if self.judge.version.settings.release_parked_on_join:
            released = await self._release_parked(connection, account)
            released += await self._release_bookings(connection, account)
        await check_unchanged(connection, self.programme)
        return Joined(member_of(row), created=True, released=released)

    async def _is_blocked(self, connection: Connection) -> bool:
        """Whether this address left not long ago; known by its keyed hash only."""
        if self.command.email is None:
            return False
        digest = rejoin_digest(self.installation, self.programme.id, self.command.email)
        return bool(await connection.fetchval(_BLOCKED, self.programme.id, digest, self.now))

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
            await tell_credited(connection, self.programme.id, account, seq, lots, now=self.now)

    async def _release_parked(self, connection: Connection, account: AccountKey) -> int:
        """Orders that came before their customer joined have their effect now, by what is in force now (R14)."""
        email = self.command.email if self.command.email_verified else None
        rows = await orders.parked(
            connection,
            self.programme.id,
            self.command.external_id,
            email,
            currency=self.programme.currency,
            most=RELEASED_MAX,
        )
        if not rows:
            return 0
        given: dict[Counter, int] = {}
        left = {row["external_id"]: await self._left(connection, row) for row in rows}
        judged = await asyncio.to_thread(  # a thousand long ones take seconds
            self._judged_by_order, rows, left, given
        )
        lots = {order: one.lots for order, one in judged.items()}
        occurrences = {row["external_id"]: row["occurrence"] for row in rows}
        accruals = [
            Accrual(account.account_id, ORDER, order, occurrences[order], lots[order])
            for order in lots
            if lots[order]
        ]
        accrued = await ledger.accrue(connection, self.programme.id, accruals, now=self.now)
        seqs = {accrual.source_id: answer.seq for accrual, answer in zip(accruals, accrued, strict=True)}
        for order, seq in seqs.items():
            assert seq is not None, "a parked order has not earned, and the new account earns"
            await self._tell_credited(connection, account, seq, lots[order])
        released = [one.released._replace(entry_seq=seqs.get(order)) for order, one in judged.items()]
        await orders.release(connection, self.programme.id, account.account_id, released)
        counts = {(account.account_id, counter): points for counter, points in given.items()}
        await add_counts(connection, self.programme.id, counts)
        return len(released)

    async def _release_bookings(self, connection: Connection, account: AccountKey) -> int:
        """The same for bookings, by what their site has said of them last."""
        email = self.command.email if self.command.email_verified else None
        customer, most = self.command.external_id, BOOKINGS_RELEASED_MAX
        parked = await bookings.parked(connection, self.programme.id, customer, email, most=most)
        settling = BookingSettling(self.programme, self.judge, self.now, self.tells)
        for booking in parked:
            try:
                await settling.settle(connection, booking, booking, account)
            except UnknownStore as error:  # the booking has it, so the snapshot is older
                raise ProgrammeChangedError from error
        return len(parked)

    async def _left(self, connection: Connection, row: Any) -> Left | None:
        """What return documents have left of a parked order; None: all of it."""
        if row["returned"] == orders.NOT_RETURNED:
            return None
        order = await locked_order(connection, self.programme.id, row["external_id"])
        assert order is not None, "it was just read"
        reckoning = await Reckoning.of(connection, self.programme, order)
        return reckoning.left(self.judge.version.settings.refund_split)

    def _judged_by_order(
        self, rows: Sequence[Any], left: Mapping[str, Left | None], given: dict[Counter, int]
    ) -> dict[str, _JudgedOrder]:
        return {row["external_id"]: self._judged(row, left[row["external_id"]], given) for row in rows}

    def _judged(self, row: Any, left: Left | None, given: dict[Counter, int]) -> _JudgedOrder:
        """What becomes of a parked order; ``given`` goes on counting what capped rules give."""
        order, judge = row["external_id"], self.judge
        if not earning.qualifies(row["status"], judge.version.settings):
            return _JudgedOrder((), orders.Released(order, orders.RECEIVED, 0, None, None, None))
        judged = left or Left(OrderContent.from_stored(orjson.loads(row["document"])), row["redeemed_value"])
        place = Circumstances(row["placed_at"], row["store_id"], row["entry_channel"], row["exit_channel"])
        try:
            occasion = judge.occasion(place, exact=left is not None)
        except UnknownStore as error:  # the order has it, so the snapshot is older
            raise ProgrammeChangedError from error
        counters = judge.counters(occasion)
        before = {counter: given[counter] for counter in counters if counter in given}
        result = judge.order(judged.content, occasion, judged.redeemed_value, before)
        for use in result.cap_uses:
            given[use.counter] = given.get(use.counter, 0) + use.used
        lots = judge.lots(result.parts, self.now)
        version, record = judge.version.version, judge.record(result)
        return _JudgedOrder(lots, orders.Released(order, orders.EARNED, points_in(lots), version, record, None))


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


def rejoin_digest(installation: Installation, programme_id: int, email: str) -> bytes:
    """The keyed hash under which a normalised address is remembered after its member left."""
    return installation.secrets.derive("rejoin block", str(programme_id), email)


def checked(programme: ProgrammeSnapshot, command: Join, now: datetime) -> Join:
    """The command with its address in the form that is kept. Raises InvalidInput."""
    external_id = text.identifier("externalId", command.external_id)
    email = None if command.email is None else normalised_email("email", command.email)
    if command.email_verified and email is None:
        raise InvalidInput("emailVerified", "needs an email")
    if command.locale is not None and command.locale not in programme.locales:
        raise InvalidInput("locale", f"must be one of {', '.join(programme.locales)}")
    born = birthday("birthday", command.birthday, now.astimezone(programme.zone).date())
    return Join(external_id, email, command.email_verified, command.locale, command.opt_in, born)


_INSERT = """
insert into member
    (programme_id, account_id, public_id, email, email_verified, locale, joined_at, sign_up_points,
    sign_up_judgement, notices, notices_since, birthday)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning *
"""

_NAME = "update member_external_id set account_id = $3 where programme_id = $1 and external_id = $2"

_BLOCKED = """
select exists (
    select from rejoin_block where programme_id = $1 and email_digest = $2 and blocked_until > $3
)
"""
