"""What a cart or a product would earn now, by the same engine that judges orders. Reads only.

A quote is what posting the same order at the same instant earns; it counts what capped rules gave a member before,
without a lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pointbook.db.queries.rule_counts import counts_of
from pointbook.domain.errors import InvalidInput, MemberInactive
from pointbook.domain.orders import OrderDocument, parse_order
from pointbook.domain.rules import Counter, Occasion
from pointbook.services.explaining import ExplainedRule, explained
from pointbook.services.granting import points_in
from pointbook.services.installation import Installation
from pointbook.services.judging import NOTHING_GIVEN, Circumstances, Judge
from pointbook.services.members import MemberState, find_member

_NOT_OF_A_CART: Final = frozenset({"externalId", "type", "status", "customer", "voucherCode"})


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


@dataclass(frozen=True, slots=True)
class Product:
    """``price`` of one, gross, minor units; ids are the shop's."""

    article_id: str
    price: int
    variation_id: str | None = None
    product_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductQuote:
    """``standard`` from the price, ``extra`` per piece, ``sign_up`` for joining now: None, unless a guest asks."""

    standard: int
    extra: int
    sign_up: int | None


async def earn_quote(
    installation: Installation,
    programme_id: int,
    cart: Mapping[str, Any],
    *,
    customer: str | None = None,
    redeemed_value: int = 0,
    now: datetime,
) -> EarnQuote:
    """What a cart earns if it becomes a qualifying order; ``redeemed_value`` (minor units) of it paid with points.

    ``cart`` is an order document without what only an order has: id, type, status, customer, voucher. Placed now,
    unless it says when. ``customer``: the shop's id of whoever buys, None for a guest.
    Raises InvalidInput, CurrencyMismatch, UnknownStore, ProgrammeNotOpen, MemberInactive.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    judge, order = Judge(programme, now), _order(cart, programme.currency, now)
    if not 0 <= redeemed_value <= order.content.total:
        raise InvalidInput("redeemedValue", "must be at most what the cart costs")
    occasion = judge.occasion(Circumstances(order.placed_at, order.store, order.entry_channel, order.exit_channel))
    account_id = None if customer is None else await _earner(installation, programme_id, customer)
    given = NOTHING_GIVEN if account_id is None else await _given(installation, judge, account_id, occasion)
    result = judge.order(order.content, occasion, redeemed_value, given)
    lots = judge.lots(result.parts, now)
    return EarnQuote(
        points_in(lots),
        tuple(QuotedPart(lot.points, lot.available_from, lot.expires_at) for lot in lots),
        explained(programme, [trace.to_document() for trace in result.trace()]),
        judge.joining(now).points if account_id is None else None,
    )


async def product_points(
    installation: Installation,
    programme_id: int,
    product: Product,
    *,
    store: str | None = None,
    entry_channel: str | None = None,
    exit_channel: str | None = None,
    guest: bool = False,
    now: datetime,
) -> ProductQuote:
    """What one piece earns if it is bought alone, now, with money; points per order are no property of it.

    What a member got before is not counted against caps. Raises UnknownStore, ProgrammeNotOpen.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    judge = Judge(programme, now)
    occasion = judge.occasion(Circumstances(now, store, entry_channel, exit_channel))
    points = judge.engine.product(
        occasion, product.article_id, product.price, product.variation_id, product.product_group_ids
    )
    return ProductQuote(points.standard, points.extra, judge.joining(now).points if guest else None)


def _order(cart: Mapping[str, Any], currency: str, now: datetime) -> OrderDocument:
    """The cart as the order that it would become, read by what reads orders."""
    if not isinstance(cart, Mapping):
        raise InvalidInput("cart", "must be an object")
    for key in _NOT_OF_A_CART.intersection(cart):
        raise InvalidInput(key, "is not a known field")
    placed_at = now if cart.get("placedAt") is None else cart["placedAt"]
    order = {"externalId": "-", "type": "SALE", "status": "-", "customer": {"externalId": "-"}}
    return parse_order({**order, **cart, "placedAt": placed_at}, currency)


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
