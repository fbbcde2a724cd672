"""Which payments of an order were made with gift cards of this programme (R11)."""

from dataclasses import replace

from pointbook.db.retry import retrying
from pointbook.domain import errors
from pointbook.domain.orders import OrderDocument, Payment
from pointbook.services.installation import Installation


async def recognised(installation: Installation, programme_id: int, order: OrderDocument) -> OrderDocument:
    """The order with its gift cards told apart: what a card of the programme's has paid, points have paid.

    Codes of other cards are money, and no code is kept.
    """
    if not order.names_gift_cards:
        return order
    digests = [_digest(installation, payment) for payment in order.content.payments]
    asked = [digest for digest in digests if digest is not None]

    async def attempt() -> set[bytes]:
        async with installation.db.bare_transaction(programme_id) as connection:
            return {row["code_hash"] for row in await connection.fetch(_KNOWN, programme_id, asked)}

    known = await retrying(attempt)
    payments = [
        payment._replace(gift_card_code=None, with_points=payment.with_points or digest in known)
        for payment, digest in zip(order.content.payments, digests, strict=True)
    ]
    return replace(order, content=replace(order.content, payments=tuple(sorted(payments, key=_order))))


def _order(payment: Payment) -> tuple[str, int, bool]:
    return payment.kind, payment.amount, payment.with_points


def _digest(installation: Installation, payment: Payment) -> bytes | None:
    if payment.gift_card_code is None:
        return None
    try:
        return installation.card_codes.digest(payment.gift_card_code)
    except errors.GiftCardNotUsable:
        return None


_KNOWN = "select code_hash from ledger.card where programme_id = $1 and code_hash = any($2::bytea[])"
