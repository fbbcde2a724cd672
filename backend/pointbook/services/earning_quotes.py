"""What a cart or a product would earn now, by the same engine that judges orders. Reads only.

A quote is what posting the same order at the same instant earns; it counts what capped rules gave a member before,
without a lock.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pointbook.db.queries.rule_counts import counts_of
from pointbook.domain import currencies, text
from pointbook.domain.bookings import participants_of
from pointbook.domain.errors import InvalidInput, MemberInactive
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.domain.orders import OrderDocument, parse_order, parse_product
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.reading import list_of
from pointbook.domain.rules import Counter, EarningResult, Occasion, ProductPoints
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.explaining import ExplainedRule, explained
from pointbook.services.granting import points_in
from pointbook.services.installation import Installation
from pointbook.services.judging import NOTHING_GIVEN, Circumstances, Judge
from pointbook.services.members import MemberState, find_member
from pointbook.services.rejoining import offered

MAX_PRODUCTS: Final = 50
"""In one question; a page of a category shows fewer."""
MAX_QUOTED: Final = 10**15
"""Points; more cannot be meant, and every reader of numbers still has them exactly."""
_MANY_LINES: Final = 100
"""More are judged in another thread: with many rules that takes longer than others shall wait."""
_REDEEMED: Final = "redeemedValue"
_NOT_OF_A_CART: Final = frozenset({"externalId", "type", "status", "statusAt", "customer", "voucherCode"})


@dataclass(frozen=True, slots=True)
class QuotedPart:
    """Points that become available and end together; ``expires_at`` None: never."""

    points: int
    available_from: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class EarnQuote:
    """``rules``: what would become of each. ``sign_up``: what joining now would give; None for a member."""

    points: int
    parts: tuple[QuotedPart, ...]
    rules: tuple[ExplainedRule, ...]
    sign_up: int | None
    settings: ProgrammeSettings
    """By which it was judged."""
    programme: ProgrammeSnapshot = field(compare=False)


@dataclass(frozen=True, slots=True)
class ProductQuotes:
    """``sign_up``: what joining now would give; None for a member. ``settings`` are those in force."""

    points: tuple[ProductPoints, ...]
    sign_up: int | None
    settings: ProgrammeSettings
    programme: ProgrammeSnapshot


async def earn_quote(
    installation: Installation,
    programme_id: int,
    cart: Mapping[str, Any],
    *,
    customer: str | None = None,
    now: datetime,
) -> EarnQuote:
    """What a cart earns if it becomes a qualifying order.

    ``cart`` is an order document without what only an order has: id, type, status, customer, voucher; and with a
    ``redeemedValue``, if points pay a part of it. Placed now, unless it says when. ``customer``: the shop's id of
    whoever buys, None for a guest.
    Raises InvalidInput, CurrencyMismatch, UnknownStore, ProgrammeNotOpen, MemberInactive.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    judge = Judge(programme, now)
    order, redeemed_value = _order(cart, programme.currency, now)
    occasion = judge.occasion(Circumstances(order.placed_at, order.store, order.entry_channel, order.exit_channel))
    account_id = None if customer is None else await _earner(installation, programme_id, customer)
    given = NOTHING_GIVEN if account_id is None else await _given(installation, judge, account_id, occasion)

    def judged() -> tuple[EarningResult, list[dict[str, Any]]]:
        result = judge.order(order.content, occasion, redeemed_value, given)
        _refuse_too_many(result)
        return result, [trace.to_document() for trace in result.trace()]

    many = len(order.content.lines) > _MANY_LINES
    result, traces = await asyncio.to_thread(judged) if many else judged()
    lots = judge.lots(result.parts, now)
    return EarnQuote(
        points_in(lots),
        tuple(QuotedPart(lot.points, lot.available_from, lot.expires_at) for lot in lots),
        explained(programme, traces),
        await _sign_up(installation, judge, customer, now) if account_id is None else None,
        judge.version.settings,
        programme,
    )


async def product_points(
    installation: Installation,
    programme_id: int,
    products: object,
    *,
    store: str | None = None,
    entry_channel: str | None = None,
    exit_channel: str | None = None,
    customer: str | None = None,
    now: datetime,
) -> ProductQuotes:
    """What each product earns if it is bought alone, now, with money; points per order are no property of it.

    ``products`` are documents as ``parse_product`` reads them, at most ``MAX_PRODUCTS``. ``customer``: the shop's
    id of whoever asks, None for a guest; what a member got before is not counted against caps.
    Raises InvalidInput, UnknownStore, ProgrammeNotOpen.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    judge = Judge(programme, now)
    lines = list_of("products", products, MAX_PRODUCTS, lambda product: parse_product(product, programme.currency))
    placed = Circumstances(
        now,
        text.optional_identifier("store", store),
        text.optional_identifier("entryChannel", entry_channel, text.MAX_WORD),
        text.optional_identifier("exitChannel", exit_channel, text.MAX_WORD),
    )
    occasion = judge.occasion(placed)
    member = None if customer is None else await installation.accounts.find(programme_id, customer)
    return ProductQuotes(
        tuple(judge.engine.product(occasion, line) for line in lines),
        await _sign_up(installation, judge, customer, now) if member is None else None,
        judge.version.settings,
        programme,
    )


async def service_points(
    installation: Installation,
    programme_id: int,
    service_id: str,
    *,
    participants: int | None = None,
    store: str | None = None,
    entry_channel: str | None = None,
    customer: str | None = None,
    now: datetime,
) -> ProductQuotes:
    """What a booking of a service or class earns if it is made now; ``participants`` None: one.

    ``customer`` as in ``product_points``. Raises InvalidInput, UnknownStore, ProgrammeNotOpen.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    judge = Judge(programme, now)
    placed = Circumstances(
        now,
        text.optional_identifier("store", store),
        text.optional_identifier("entryChannel", entry_channel, text.MAX_WORD),
    )
    service = text.identifier("service", service_id)
    result = judge.booking(service, judge.occasion(placed, exact=True), participants_of(participants))
    _refuse_too_many(result)
    member = None if customer is None else await installation.accounts.find(programme_id, customer)
    return ProductQuotes(
        (ProductPoints(result.points, 0),),
        await _sign_up(installation, judge, customer, now) if member is None else None,
        judge.version.settings,
        programme,
    )


async def _sign_up(installation: Installation, judge: Judge, customer: str | None, now: datetime) -> int:
    """What joining now would give whoever has not joined."""
    return await offered(installation, judge.programme.id, customer, judge.joining(now).points, now=now)


def _refuse_too_many(result: EarningResult) -> None:
    if max((gain.rounded for gain in result.gains), default=0) > MAX_QUOTED or result.points > MAX_QUOTED:
        raise InvalidInput("lines", f"would earn more than {MAX_QUOTED} points")


def _order(cart: Mapping[str, Any], currency: str, now: datetime) -> tuple[OrderDocument, int]:
    """The cart as the order that it would become, read by what reads orders; and what points pay, minor units."""
    if not isinstance(cart, Mapping):
        raise InvalidInput("cart", "must be an object")
    for key in _NOT_OF_A_CART.intersection(cart):
        raise InvalidInput(key, "is not a known field")
    placed_at = now if cart.get("placedAt") is None else cart["placedAt"]
    head = {"externalId": "-", "type": "SALE", "status": "-", "customer": {"externalId": "-"}}
    content = {key: value for key, value in cart.items() if key != _REDEEMED}
    order = parse_order({**head, **content, "placedAt": placed_at}, currency)
    redeemed = cart.get(_REDEEMED)
    value = 0 if redeemed is None else scaled(_REDEEMED, redeemed, currencies.exponent(currency), MAX_AMOUNT)
    if value > order.content.total:
        raise InvalidInput(_REDEEMED, "must be at most what the cart costs")
    return order, value


async def _earner(installation: Installation, programme_id: int, customer: str) -> int | None:
    """The account of a member who earns; None: has not joined."""
    member = await find_member(installation, programme_id, customer)
    if member is None:
        return None
    if member.state is not MemberState.ACTIVE:
        raise MemberInactive
    return member.account_id


async def _given(
    installation: Installation, judge: Judge, account_id: int, occasion: Occasion
) -> Mapping[Counter, int]:
    counters = judge.counters(occasion)
    if not counters:
        return NOTHING_GIVEN
    async with installation.db.bare_transaction(judge.programme.id) as connection:
        counts = await counts_of(connection, judge.programme.id, ((account_id, each) for each in counters))
    return {counter: points for (_, counter), points in counts.items()}
