"""Expected failures: one tree, raised inside a transaction so that it rolls back.

Each class is a member of a mutation's result union at the GraphQL face. What cannot happen
is an assert, not a class of this page.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
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
        super().__init__(f"At least {minimum_points} points must be redeemed, and be worth something.")
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
