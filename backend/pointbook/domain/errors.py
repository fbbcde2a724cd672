"""Expected failures: one tree, raised inside a transaction so that it rolls back.

Each class is a member of a mutation's result union at the GraphQL face. What cannot happen
is an assert, not a class of this page.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import ClassVar


class PointbookError(Exception):
    """An expected failure; nothing was changed. ``code`` is stable, the message is for people."""

    code: ClassVar[str]


class InvalidInput(PointbookError):
    """A value of the caller's is out of bounds or malformed; ``field`` is its path, as the caller wrote it."""

    code = "INVALID_INPUT"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    def under(self, path: str) -> "InvalidInput":
        """The same refusal, seen from further out: ``amount`` under ``lines[3]`` is ``lines[3].amount``."""
        return InvalidInput(f"{path}.{self.field}" if self.field else path, self.reason)


@contextlib.contextmanager
def refusals_under(path: str) -> Iterator[None]:
    """What is refused inside is a part of ``path`` to whoever is outside."""
    try:
        yield
    except InvalidInput as refusal:
        raise refusal.under(path) from None


class UnknownStore(PointbookError):
    code = "UNKNOWN_STORE"

    def __init__(self, store: str) -> None:
        super().__init__(f"The programme has no store {store!r}.")
        self.store = store


class CurrencyMismatch(PointbookError):
    code = "CURRENCY_MISMATCH"

    def __init__(self, expected: str, given: str) -> None:
        super().__init__(f"The programme counts in {expected}, not in {given!r}.")
        self.expected = expected
        self.given = given


class IdempotencyConflict(PointbookError):
    code = "IDEMPOTENCY_CONFLICT"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before, with another input.")


class NotAMember(PointbookError):
    code = "NOT_A_MEMBER"

    def __init__(self) -> None:
        super().__init__("This customer has not joined the programme.")


class LossChanged(PointbookError):
    """Leaving would take other points than were shown, or end another debt."""

    code = "LOSS_CHANGED"

    def __init__(self, points: int, debt: int) -> None:
        owed = f", and {debt} are owed" if debt else ""
        super().__init__(f"By now {points} points would be lost{owed}: show that and ask again.")
        self.points = points
        self.debt = debt


class TokenTooOld(PointbookError):
    """For what cannot be undone a customer signs in again; so many seconds old a token may be."""

    code = "TOKEN_TOO_OLD"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"For this the customer must have signed in within the last {seconds} seconds.")
        self.seconds = seconds


class ExternalIdTaken(PointbookError):
    """Another member is called so by the shop."""

    code = "EXTERNAL_ID_TAKEN"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"{external_id!r} is an id of another member.")
        self.external_id = external_id


class MemberInactive(PointbookError):
    code = "MEMBER_INACTIVE"

    def __init__(self) -> None:
        super().__init__("This member is inactive and neither earns nor spends points.")


class RedemptionLocked(PointbookError):
    code = "REDEMPTION_LOCKED"

    def __init__(self) -> None:
        super().__init__("This member may earn points but not spend them.")


class ProgrammeNotOpen(PointbookError):
    """The programme is in DRAFT or CLOSED: nobody joins, earns or redeems."""

    code = "PROGRAMME_NOT_OPEN"

    def __init__(self, state: str) -> None:
        super().__init__(f"The programme is not open (it is {state}).")
        self.state = state


class InsufficientPoints(PointbookError):
    """``requested`` and ``available`` are whole points."""

    code = "INSUFFICIENT_POINTS"

    def __init__(self, requested: int, available: int) -> None:
        super().__init__(f"{requested} points were asked for, {available} are available.")
        self.requested = requested
        self.available = available


class BelowMinimum(PointbookError):
    """Fewer points than the programme redeems, or points worth less than one minor unit."""

    code = "BELOW_MINIMUM"

    def __init__(self, minimum_points: int) -> None:
        least = f"At least {minimum_points} points must be redeemed, and be worth something."
        super().__init__(least if minimum_points else "The points that can be redeemed are worth nothing.")
        self.minimum_points = minimum_points


class ExceedsCart(PointbookError):
    """The points asked for are worth more than may be paid with points."""

    code = "EXCEEDS_CART"

    def __init__(self, maximum_points: int) -> None:
        super().__init__(f"At most {maximum_points} points can be used for this cart.")
        self.maximum_points = maximum_points


class CheckoutHasVoucher(PointbookError):
    code = "CHECKOUT_HAS_VOUCHER"

    def __init__(self) -> None:
        super().__init__("The cart already carries a voucher.")


class RedemptionNotFound(PointbookError):
    code = "REDEMPTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such redemption.")


class RedemptionEnded(PointbookError):
    """``state`` is CAPTURED, RELEASED or LAPSED."""

    code = "REDEMPTION_ENDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This redemption has ended ({state}).")
        self.state = state


class ExtensionsExhausted(PointbookError):
    code = "EXTENSIONS_EXHAUSTED"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"A redemption can be extended {maximum} times.")
        self.maximum = maximum


class VoucherNotUsable(PointbookError):
    """Unknown, used, released, lapsed or another programme's: one answer for all of them."""

    code = "VOUCHER_NOT_USABLE"

    def __init__(self) -> None:
        super().__init__("This voucher code cannot be used.")


class GiftCardNotUsable(PointbookError):
    """Unknown or another programme's; to the public also a card of which nothing is left: one answer for all."""

    code = "GIFT_CARD_NOT_USABLE"

    def __init__(self) -> None:
        super().__init__("This gift card cannot be used.")


class GiftCardEnded(PointbookError):
    """``state`` is EXPIRED or VOID."""

    code = "GIFT_CARD_ENDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This gift card has ended ({state}).")
        self.state = state


class GiftCardOverdrawn(PointbookError):
    """So many minor units are available: on the card, or in the hold that was named."""

    code = "GIFT_CARD_OVERDRAWN"

    def __init__(self, available_minor: int) -> None:
        super().__init__(f"Only {available_minor} minor units are left on the gift card.")
        self.available_minor = available_minor


class GiftCardInUse(PointbookError):
    code = "GIFT_CARD_IN_USE"

    def __init__(self) -> None:
        super().__init__("Only an unused gift card can be voided: some of this one is used, set aside or expired.")


class RefundExceedsUse(PointbookError):
    """More is to be refunded onto a card than it paid; so many minor units are left of that."""

    code = "REFUND_EXCEEDS_USE"

    def __init__(self, refundable_minor: int) -> None:
        super().__init__(f"Only {refundable_minor} minor units can still be refunded onto the gift card.")
        self.refundable_minor = refundable_minor


class TooManyGuesses(PointbookError):
    """Too many codes that nobody has; after so many seconds one may try again."""

    code = "TOO_MANY_GUESSES"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many wrong codes were tried; try again in {retry_after} seconds.")
        self.retry_after = retry_after


class OrderConflict(PointbookError):
    """An order with this external id was reported before with another content and has had its effect."""

    code = "ORDER_CONFLICT"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"Order {external_id!r} was reported before with another content.")
        self.external_id = external_id


class ReturnExceedsOrder(PointbookError):
    """More of a line or fee is to be returned than is left of it; nothing is.

    ``line`` is the shop's id of the line, or the fee's field; ``measure`` is quantity or amount. The figures are
    decimals, amounts before discounts: ordered, returned by the documents before, asked by this one.
    """

    code = "RETURN_EXCEEDS_ORDER"

    def __init__(self, line: str, measure: str, ordered: str, returned: str, asked: str) -> None:
        super().__init__(
            f"{line!r}: its {measure} is {ordered}, of which {returned} was returned before; not {asked} more."
        )
        self.line = line
        self.measure = measure
        self.ordered = ordered
        self.returned = returned
        self.asked = asked


class ReturnConflict(PointbookError):
    """A return with this external id has had its effect with another content."""

    code = "RETURN_CONFLICT"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"Return {external_id!r} was reported before with another content.")
        self.external_id = external_id


class BookingConflict(PointbookError):
    """A booking with this external id is known to be of another service, or of another customer.

    ``part`` is the field that differs.
    """

    code = "BOOKING_CONFLICT"

    def __init__(self, external_id: str, part: str) -> None:
        super().__init__(f"Booking {external_id!r} was reported before with another {part}.")
        self.external_id = external_id
        self.part = part


class RuleNotFound(PointbookError):
    code = "RULE_NOT_FOUND"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no earning rule {key!r}.")
        self.key = key


class EditConflict(PointbookError):
    """Somebody else changed ``subject`` meanwhile: its version is ``version`` by now."""

    code = "EDIT_CONFLICT"

    def __init__(self, subject: str, version: int) -> None:
        super().__init__(f"{subject!r} is at version {version}, not at the one that was named.")
        self.subject = subject
        self.version = version


class SimulationNotFound(PointbookError):
    code = "SIMULATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such simulation.")


class TooManySimulations(PointbookError):
    """So many simulations of the programme wait or run already."""

    code = "TOO_MANY_SIMULATIONS"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"At most {maximum} simulations may be under way: wait for one, or cancel one.")
        self.maximum = maximum


class SendingNotFound(PointbookError):
    code = "SENDING_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such sending of orders.")


class NotInCatalogue(PointbookError):
    """Nothing with this SKU is on sale: unknown or inactive, one answer for both."""

    code = "NOT_IN_CATALOGUE"

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku!r} is not in the catalogue.")
        self.sku = sku


class PriceChanged(PointbookError):
    """It costs another price by now: so many points, and for an exchange item a fee for each piece.

    Or it is a gift card of another face value. Both are decimals in the main unit.
    """

    code = "PRICE_CHANGED"

    def __init__(
        self, sku: str, price_points: int, fee: Decimal | None = None, face_value: Decimal | None = None
    ) -> None:
        money = "" if fee is None else f" and a fee of {fee}"
        worth = "" if face_value is None else f" and is good for {face_value}"
        super().__init__(f"{sku!r} costs {price_points} points{money}{worth} by now.")
        self.face_value = face_value
        self.sku = sku
        self.price_points = price_points
        self.fee = fee


class SoldOut(PointbookError):
    """``left``: how many there are."""

    code = "SOLD_OUT"

    def __init__(self, sku: str, left: int) -> None:
        super().__init__(f"There are {left} left of {sku!r}.")
        self.sku = sku
        self.left = left


class StockChanged(PointbookError):
    """Somebody changed the stock meanwhile. ``stock`` None: the item is not counted."""

    code = "STOCK_CHANGED"

    def __init__(self, sku: str, stock: int | None) -> None:
        found = "is not counted" if stock is None else f"has a stock of {stock}"
        super().__init__(f"{sku!r} {found} by now.")
        self.sku = sku
        self.stock = stock


class ExchangeLimit(PointbookError):
    """More than the programme exchanges at once, or than an item (then ``item`` is its SKU) allows."""

    code = "EXCHANGE_LIMIT"

    def __init__(self, limit: str, maximum: int, item: str | None = None) -> None:
        of_what = "" if item is None else f" of {item!r}"
        super().__init__(f"At most {maximum}{of_what} can be exchanged ({limit}).")
        self.limit = limit
        self.maximum = maximum
        self.item = item


class ExchangeOrderNotFound(PointbookError):
    code = "EXCHANGE_ORDER_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such exchange order.")


class ExchangeOrderDecided(PointbookError):
    """``state`` is EXCHANGED, so it is not cancelled, or CANCELLED, so it is not exchanged."""

    code = "EXCHANGE_ORDER_DECIDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This exchange order is {state}.")
        self.state = state


class AdjustmentNotFound(PointbookError):
    code = "ADJUSTMENT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such adjustment.")


class AdjustmentAboveLimit(PointbookError):
    """``maximum_points``: the most that the programme lets be given or taken without a further right."""

    code = "ADJUSTMENT_ABOVE_LIMIT"

    def __init__(self, maximum_points: int) -> None:
        super().__init__(f"At most {maximum_points} points may be given or taken at a time.")
        self.maximum_points = maximum_points


class AdjustmentUndone(PointbookError):
    """``undone_by``: the public id of the adjustment that undid it."""

    code = "ADJUSTMENT_UNDONE"

    def __init__(self, undone_by: str) -> None:
        super().__init__(f"This adjustment is undone already, by {undone_by}.")
        self.undone_by = undone_by


class MembersNotMergeable(PointbookError):
    """``reason``: a ``MergeObstacle``."""

    code = "MEMBERS_NOT_MERGEABLE"

    def __init__(self, reason: str) -> None:
        super().__init__(f"These two members cannot be merged ({reason}).")
        self.reason = reason


class MergeRequestNotFound(PointbookError):
    code = "MERGE_REQUEST_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such merge request.")


class MergeRequestNotOpen(PointbookError):
    """``request_state`` is where it is; what was asked for needs another."""

    code = "MERGE_REQUEST_NOT_OPEN"

    def __init__(self, state: str) -> None:
        super().__init__(f"This merge request is {state}.")
        self.request_state = state


class TooManyMergeRequests(PointbookError):
    """``limit``: OPEN_OF_MEMBER, or ADDRESS_OF_DAY, which says nothing of whether anybody has the address."""

    code = "TOO_MANY_MERGE_REQUESTS"

    def __init__(self, maximum: int, limit: str) -> None:
        super().__init__(f"At most {maximum} merge requests are taken ({limit}).")
        self.maximum = maximum
        self.limit = limit


class WebhookSubscriptionNotFound(PointbookError):
    code = "WEBHOOK_SUBSCRIPTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such webhook subscription.")


class WebhookSendingNotFound(PointbookError):
    """Unknown, or sent so long ago that it is no longer kept."""

    code = "WEBHOOK_SENDING_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class WebhookDisabled(PointbookError):
    code = "WEBHOOK_DISABLED"

    def __init__(self) -> None:
        super().__init__("This webhook subscription is disabled: activate it first.")


class MailNotConfigured(PointbookError):
    code = "MAIL_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__("This installation has no mail server, so no mail is sent.")


class TooManyTestNotices(PointbookError):
    """``limit`` of a programme in an hour."""

    code = "TOO_MANY_TEST_NOTICES"

    def __init__(self, limit: int) -> None:
        super().__init__(f"There were {limit} test mails within an hour: wait a while.")
        self.limit = limit


class NotASandbox(PointbookError):
    """Only a sandbox has a clock of its own."""

    code = "NOT_A_SANDBOX"

    def __init__(self) -> None:
        super().__init__("This programme is no sandbox: its clock is the real one.")


class ClockAhead(PointbookError):
    """The caller's clock is ahead of the database's; nothing was written. A fault of the installation."""

    code = "CLOCK_AHEAD"

    def __init__(self, now: datetime) -> None:
        super().__init__(f"The clock of this server ({now.isoformat()}) is ahead of the database's.")


class Unauthenticated(PointbookError):
    """A credential is missing, malformed, forged, expired or revoked: one answer for all of them.

    Answered before any field is resolved, so it is no member of a result.
    """

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("The key or token is not valid.")
