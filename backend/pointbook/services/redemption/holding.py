"""What a customer does with points: quote, redeem, extend, cancel. Each is one statement of the ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import codes, errors
from pointbook.domain.access import Principal
from pointbook.domain.money import Money
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.redemption import Cart, points_asked
from pointbook.ledger import Hold, HoldPoints
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption.vouchers import Voucher, find_hold, voucher_of
from pointbook.services.requests import request_of, require_open


@dataclass(frozen=True, slots=True)
class Redeem:
    """``points`` None: as many as the cart takes."""

    cart: Cart
    points: int | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RedemptionQuote:
    """``points`` would pay ``value``; ``remaining`` is left to pay with money. ``available`` points are free."""

    points: int
    value: Money
    remaining: Money
    available: int


async def quote(
    installation: Installation, principal: Principal, cart: Cart, points: int | None, *, now: datetime
) -> RedemptionQuote:
    """What ``redeem`` would hold for this cart, or the error it would raise. Changes nothing."""
    programme, account = await _customer(installation, principal)
    programme.require_open()
    settings = programme.settings_at(now)
    _check_points(points)
    await _refuse_vouchers(installation, programme, account, cart, now)

    async def call(connection: Connection) -> ledger.Quote:
        return await ledger.quote(
            connection,
            programme.id,
            account.account_id,
            cart.key,
            points,
            cart.limit(settings),
            settings.minimum_redemption_points,
            settings.current_point_value,
            now=now,
        )

    answer = await installation.db.one_statement(call)
    value = Money(answer.value, programme.currency)
    return RedemptionQuote(
        answer.points, value, Money(cart.total - answer.value, programme.currency), answer.available
    )


async def redeem(installation: Installation, principal: Principal, command: Redeem, *, now: datetime) -> Voucher:
    """Hold points of the customer for a cart and answer the voucher that stands for them (R19, R20).

    It lapses after the programme's hold length. Repeated with the same key: the same voucher, as it is now, so
    that nobody takes a void code for a good one. Same cart and same points: the same voucher; other points: a new
    one in its place.
    Raises NotAMember, MemberInactive, RedemptionLocked, ProgrammeNotOpen, CurrencyMismatch, CheckoutHasVoucher,
    InsufficientPoints, BelowMinimum, ExceedsCart, IdempotencyConflict, InvalidInput; nothing is held then.
    """
    programme, account = await _customer(installation, principal)
    settings = programme.settings_at(now)
    _check_points(command.points)
    cart = command.cart
    request = request_of(
        installation, principal, "redeem", command.idempotency_key, cart.id, cart.total, command.points
    )
    await require_open(installation, programme, request)
    await _refuse_vouchers(installation, programme, account, cart, now)
    hold_points = _hold_points(installation, command, settings)

    async def call(connection: Connection) -> Hold:
        return await ledger.hold(connection, programme.id, account.account_id, hold_points, request, now=now)

    return await _answer(installation, programme, account, call, now)


async def extend(
    installation: Installation, principal: Principal, hold_id: UUID, idempotency_key: str, *, now: datetime
) -> Voucher:
    """Let the customer's own voucher live for another hold length from ``now`` (R19).

    Repeated with the same key: the voucher as it is now.
    Raises RedemptionNotFound (also for another's), RedemptionEnded, ExtensionsExhausted, IdempotencyConflict.
    """
    programme, account = await _customer(installation, principal)
    settings = programme.settings_at(now)
    request = request_of(installation, principal, "extend", idempotency_key, hold_id)
    await require_open(installation, programme, request)

    async def call(connection: Connection) -> Hold:
        return await ledger.extend(
            connection,
            programme.id,
            account.account_id,
            hold_id,
            settings.hold_length,
            settings.hold_extensions_max,
            request,
            now=now,
        )

    return await _answer(installation, programme, account, call, now)


async def cancel(
    installation: Installation, principal: Principal, hold_id: UUID, idempotency_key: str, *, now: datetime
) -> Voucher:
    """Give the points of the customer's own voucher back; its code is void from now on.

    Raises RedemptionNotFound (also for another's), RedemptionEnded, IdempotencyConflict.
    """
    programme, account = await _customer(installation, principal)
    request = request_of(installation, principal, "cancel", idempotency_key, hold_id)
    await require_open(installation, programme, request)

    async def call(connection: Connection) -> Hold:
        return await ledger.release(connection, programme.id, account.account_id, hold_id, request, now=now)

    return await _answer(installation, programme, account, call, now)


async def _answer(
    installation: Installation,
    programme: ProgrammeSnapshot,
    account: AccountKey,
    call: Callable[[Connection], Awaitable[Hold]],
    now: datetime,
) -> Voucher:
    """The voucher that ``call`` answers when it is the account's turn; of a repeat as it is, and not as it was."""
    async with installation.turns.turn(programme.id, account.account_id):
        hold = await installation.db.one_statement(call)
    if hold.repeated:
        hold = await _as_it_is(installation, programme.id, hold, now)
    return voucher_of(installation, programme, hold, now=now)


async def _as_it_is(installation: Installation, programme_id: int, hold: Hold, now: datetime) -> Hold:
    async def read() -> Hold | None:
        async with installation.db.bare_transaction(programme_id) as connection:
            return await ledger.hold_of_id(connection, programme_id, hold.hold_id, now=now)

    seen = await retrying(read)
    assert seen is not None, "holds are never deleted"
    return seen


async def _customer(installation: Installation, principal: Principal) -> tuple[ProgrammeSnapshot, AccountKey]:
    assert principal.subject is not None, "the policy admits customers only"
    programme = await installation.programmes.get(principal.programme_id)
    return programme, await installation.accounts.get(programme.id, principal.subject)


async def _refuse_vouchers(
    installation: Installation, programme: ProgrammeSnapshot, account: AccountKey, cart: Cart, now: datetime
) -> None:
    """Only the code of this very cart's own hold may stand in it already: it is about to be replaced (R20)."""
    if cart.currency != programme.currency:
        raise errors.CurrencyMismatch(programme.currency, cart.currency)
    own = None
    if cart.voucher_code is not None:
        hold = await find_hold(installation, programme.id, cart.voucher_code, now=now)
        if hold is not None and hold.cart == cart.key and await _is_own(installation, programme, account, hold):
            own = installation.codes.code(hold.hold_id)
    cart.refuse_other_vouchers(own)


async def _is_own(
    installation: Installation, programme: ProgrammeSnapshot, account: AccountKey, hold: Hold
) -> bool:
    """Also where the account that is known here was merged into the hold's."""
    if hold.account_id == account.account_id:
        return True
    return await installation.db.one_statement(
        lambda connection: ledger.is_one(connection, programme.id, account.account_id, hold.account_id)
    )


def _check_points(points: int | None) -> None:
    if points is not None:
        points_asked("points", points)


def _hold_points(installation: Installation, command: Redeem, settings: ProgrammeSettings) -> HoldPoints:
    hold_id = uuid4()
    code = installation.codes.code(hold_id)
    return HoldPoints(
        hold_id=hold_id,
        cart=command.cart.key,
        points=command.points,
        limit=command.cart.limit(settings),
        minimum_points=settings.minimum_redemption_points,
        point_value=settings.current_point_value,
        lifetime=settings.hold_length,
        code_hash=installation.codes.digest(code),
        last_four=codes.last_four(code),
    )
