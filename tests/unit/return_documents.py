"""Return documents with only what a test talks about, and an order taken back one document after another."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import RefundSplit
from pointbook.domain.redemption import ValuedPoints
from pointbook.domain.returns import (
    NOTHING_GIVEN_BACK,
    NOTHING_RETURNED,
    GivenBack,
    Ordered,
    Paid,
    ReturnContent,
    ReturnDocument,
    given_back,
    parse_return,
    redeemed_left,
    remaining,
    to_reverse,
)
from pointbook.domain.rules import Engine, Occasion


def back(*lines: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """A return in EUR of ``lines``; a text is the id of one that comes back whole. None leaves a key out."""
    document = {
        "externalId": "R-1",
        "type": "RETURN",
        "orderExternalId": "O-1",
        "currency": "EUR",
        "lines": [{"id": line} if isinstance(line, str) else line for line in lines],
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


def parsed(*lines: dict[str, Any] | str, **more: Any) -> ReturnDocument:
    return parse_return(back(*lines, **more), "EUR")


def returned(*lines: dict[str, Any] | str, **more: Any) -> ReturnContent:
    return parsed(*lines, **more).content


EVERYTHING = ReturnContent(everything=True)


def points_worth(points: int, cents: str = "5") -> tuple[ValuedPoints, ...]:
    return (ValuedPoints(points, Decimal(cents)),) if points else ()


class Step(NamedTuple):
    """What one document did."""

    value: int
    points: int
    money: int
    reversed: int
    points_value: int = 0

    @classmethod
    def of(cls, value: int, given: GivenBack, taken: int) -> "Step":
        return cls(value, given.points, given.money, taken, given.value)


def steps(
    content: OrderContent,
    documents: Iterable[ReturnContent],
    engine: Engine,
    occasion: Occasion,
    *,
    captured: tuple[ValuedPoints, ...] = (),
    split: RefundSplit = RefundSplit.PROPORTIONAL,
) -> tuple[int, list[Step]]:
    """The points that an order earned, and what each document did, the parts put together as a use case does."""
    order, paid = Ordered(content, "EUR"), Paid(content.total, captured)
    earned = engine.evaluate(content, occasion, paid.by_points).points
    so_far, value, given, reversed_ = NOTHING_RETURNED, 0, NOTHING_GIVEN_BACK, 0
    done = []
    for document in documents:
        so_far += order.taken(so_far, document)
        value_before, value = value, order.figures(so_far).value
        given_before, given = given, given_back(paid, split, value, given)
        left = engine.evaluate(remaining(order, so_far), occasion, redeemed_left(paid, value, given)).points
        taken = to_reverse(earned, left, reversed_)
        reversed_ += taken
        done.append(Step.of(value - value_before, given.less(given_before), taken))
    return earned, done
