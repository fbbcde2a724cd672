"""The model answers the examples of the domain page, so that it may judge the functions.

Times are those of the examples, read as UTC; 0.05 EUR a point is 5 minor units.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from pointbook.domain import errors
from tests.ledger.model import Account
from tests.ledger.model_words import Ask, Balance, Entry, Grant, Transfer

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
NO_LIMIT = 10**9


def day(month: int, number: int, year: int = 2026) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def grant(points: int, *, value: str = "5", available: datetime = START, expires: datetime | None = None) -> Grant:
    return Grant(points, Decimal(value), available, expires)


def account(*grants: Grant, now: datetime = START) -> Account:
    opened = Account(now)
    for number, lot in enumerate(grants):
        opened.accrue([lot], ("order", str(number), 1), now=now)
    return opened


def ask(
    points: int | None, *, cart: bytes = b"cart", limit: int = NO_LIMIT, minimum: int = 0, value: str | None = None
) -> Ask:
    return Ask(cart, points, limit, minimum, None if value is None else Decimal(value), QUARTER)


def hold_id(number: int) -> UUID:
    return UUID(int=number)


@pytest.mark.parametrize(
    ("balance", "wanted", "points", "value"),
    [(1000, None, 399, 1995), (250, None, 250, 1250), (1000, 120, 120, 600)],
)
def test_full_and_partial_redemption(balance: int, wanted: int | None, points: int, value: int) -> None:
    """E06."""
    assert account(grant(balance)).quote(ask(wanted, limit=1999), now=NOON) == (points, value)


def test_only_the_fewest_points_that_reach_the_value_are_charged() -> None:
    """E07."""
    member = account(grant(1000, value="0.5"))
    assert member.quote(ask(333), now=NOON) == (332, 166)
    with pytest.raises(errors.BelowMinimum):
        member.quote(ask(1), now=NOON)
    with pytest.raises(errors.ExceedsCart, match="At most 333 points"):
        member.quote(ask(334, limit=166), now=NOON)


@pytest.mark.parametrize(("policy", "value"), [(None, 700), ("4", 600)])
def test_each_lot_keeps_its_value_or_all_have_todays(policy: str | None, value: int) -> None:
    """E08."""
    member = account(grant(100, expires=day(6, 30)), grant(100, value="4"))
    assert member.quote(ask(150, value=policy), now=NOON) == (150, value)


def test_what_expires_first_is_spent_first() -> None:
    """E20."""
    member = account(grant(100, expires=day(12, 31)), grant(50, expires=day(6, 30)), grant(30))
    assert member.hold(hold_id(1), ask(120), now=NOON).parts == ((2, 50), (1, 70))


def test_a_second_cart_gets_only_what_is_free() -> None:
    """E21, R20."""
    member = account(grant(100))
    first = member.hold(hold_id(1), ask(80), now=NOON)
    with pytest.raises(errors.InsufficientPoints) as refused:
        member.hold(hold_id(2), ask(80, cart=b"other"), now=NOON)
    assert refused.value.available == 20
    assert member.hold(hold_id(3), ask(80), now=NOON) == first
    assert member.hold(hold_id(4), ask(100), now=NOON).points == 100
    assert [entry.kind for entry in member.entries] == ["accrual", "hold", "release", "hold"]


def test_a_refused_replacement_leaves_the_hold_as_it_was() -> None:
    """R20."""
    member = account(grant(100))
    first = member.hold(hold_id(1), ask(80), now=NOON)
    with pytest.raises(errors.InsufficientPoints):
        member.hold(hold_id(2), ask(101), now=NOON)
    assert member.find(hold_id(1)) == first
    assert len(member.entries) == 2


def test_a_hold_is_captured_until_its_end_and_not_at_it() -> None:
    """E22, R19."""
    early, late = account(grant(100)), account(grant(100))
    for member in (early, late):
        member.hold(hold_id(1), ask(80), now=NOON)
    assert (
        early.capture(hold_id(1), None, ("order", "1"), now=NOON + QUARTER - timedelta(milliseconds=1)).points
        == 80
    )
    with pytest.raises(errors.RedemptionEnded, match="LAPSED"):
        late.capture(hold_id(1), None, ("order", "1"), now=NOON + QUARTER)
    assert late.balance(NOON + QUARTER) == Balance(100, 0, 0, 0, 500)


def test_what_expires_soon() -> None:
    """E23, R17: pending points count only if they become available before they expire."""
    member = account(
        grant(40, expires=day(4, 1)),
        grant(25, expires=day(4, 2)),
        grant(10, available=day(3, 20), expires=day(3, 26)),
        grant(7, available=day(3, 27), expires=day(3, 26)),
    )
    assert member.expiring(day(3, 1), day(4, 1)) == [(day(3, 26), 10), (day(4, 1), 40)]


@pytest.fixture
def over_midnight() -> Account:
    """E40: a lot of 100 that expires at midnight, 60 of it held since five to."""
    member = account(grant(100, expires=day(3, 2)))
    member.hold(hold_id(1), ask(60), now=day(3, 2) - timedelta(minutes=5))
    return member


def test_held_points_outlive_their_lot(over_midnight: Account) -> None:
    """E40, R18."""
    over_midnight.capture(hold_id(1), None, ("order", "1"), now=day(3, 2) + timedelta(minutes=5))
    assert [(entry.kind, entry.at) for entry in over_midnight.entries[2:]] == [
        ("expiry", day(3, 2)),
        ("capture", day(3, 2) + timedelta(minutes=5)),
    ]
    assert over_midnight.entries[2].transfers == (Transfer("open", "expired", 1, 40),)


def test_held_points_of_an_expired_lot_expire_when_the_hold_lapses(over_midnight: Account) -> None:
    """E40, R18: at the hold's end, whenever it is written."""
    over_midnight.advance(day(12, 31))
    assert over_midnight.entries[-1] == Entry(
        4, "lapse", day(3, 2) + timedelta(minutes=10), (Transfer("held", "expired", 1, 60),), None, hold_id(1)
    )


def test_a_smaller_capture_gives_the_rest_back_to_its_lots() -> None:
    """E41, R20: spends in the order of R15."""
    member = account(grant(250, expires=day(6, 30)), grant(150))
    member.hold(hold_id(1), ask(400), now=NOON)
    captured = member.capture(hold_id(1), 1500, ("order", "1"), now=NOON)
    assert (captured.captured_points, captured.captured_value) == (300, 1500)
    assert [lot.open for lot in member.lots] == [0, 100]


def test_debt_is_paid_by_what_comes_next() -> None:
    """E27, R26: debt 100, spendable 0, next 150 leave 50."""
    member = account(grant(100))
    member.adjust(-200, None, allow_negative=True, now=NOON)
    assert member.balance(NOON) == Balance(0, 0, 0, 100, 0)
    member.accrue([grant(150)], ("order", "next", 1), now=NOON)
    assert member.balance(NOON) == Balance(50, 0, 0, 0, 250)


def test_a_minus_beyond_the_balance_is_refused_or_becomes_debt() -> None:
    """E36, and E42's ALLOW_NEGATIVE: takes 30, debt 70."""
    member = account(grant(30))
    with pytest.raises(errors.InsufficientPoints):
        member.adjust(-50, None, allow_negative=False, now=NOON)
    member.adjust(-100, None, allow_negative=True, now=NOON)
    assert member.debt == 70
    assert member.entries[-1].transfers == (
        Transfer("open", "adjusted", 1, 30),
        Transfer("debt", "adjusted", None, 70),
    )


def test_debt_is_paid_at_the_instant_points_become_available() -> None:
    """R26: in order of instant, then R15; what expires at the instant of a lapse pays nothing."""
    half_past = NOON + 2 * QUARTER
    member = account(
        grant(20, expires=NOON + QUARTER),
        grant(20),
        grant(5, available=half_past, expires=day(12, 31)),
        grant(50, available=half_past, expires=day(6, 30)),
    )
    member.hold(hold_id(1), ask(40), now=NOON)
    member.adjust(-60, None, allow_negative=True, now=NOON)
    member.advance(day(12, 31, 2027))
    quarter_past = NOON + QUARTER
    assert [entry[1:4] for entry in member.entries[6:]] == [
        ("lapse", quarter_past, (Transfer("held", "expired", 1, 20), Transfer("held", "open", 2, 20))),
        ("settle", quarter_past, (Transfer("open", "debt", 2, 20),)),
        ("settle", half_past, (Transfer("open", "debt", 4, 40),)),
        ("expiry", day(6, 30), (Transfer("open", "expired", 4, 10),)),
        ("expiry", day(12, 31), (Transfer("open", "expired", 3, 5),)),
    ]


def test_the_clock_does_the_same_in_one_walk_and_in_many() -> None:
    """I9."""
    member = account(grant(20, expires=NOON + QUARTER), grant(30, available=NOON + QUARTER))
    member.hold(hold_id(1), ask(20), now=NOON)
    member.adjust(-10, None, allow_negative=True, now=NOON)
    patient, busy = member.copy(), member.copy()
    patient.advance(NOON + 4 * QUARTER)
    for minute in range(61):
        busy.advance(NOON + timedelta(minutes=minute))
    assert patient == busy
    assert len(patient.entries) == 6


def test_the_past_is_what_it_was() -> None:
    """R26: a figure of the past, and of the future."""
    member = account(grant(20, available=NOON, expires=day(6, 30)))
    member.hold(hold_id(1), ask(15), now=NOON)
    member.capture(hold_id(1), None, ("order", "1"), now=NOON + QUARTER / 2)
    assert member.balance(START - QUARTER) == Balance(0, 0, 0, 0, 0)
    assert member.balance(START) == Balance(0, 20, 0, 0, 0)
    assert member.balance(NOON) == Balance(5, 0, 15, 0, 25)
    assert member.balance(day(6, 29)) == Balance(5, 0, 0, 0, 25)
    assert member.balance(day(6, 30)) == Balance(0, 0, 0, 0, 0)


def test_a_replaced_hold_is_free_for_its_successor_only() -> None:
    """R20 before R18 and R26: the same cart keeps what it had; what it leaves expires, or pays debt, at once."""
    member = account(grant(100, expires=NOON + QUARTER / 3), grant(50))
    member.hold(hold_id(1), ask(120), now=NOON)
    member.adjust(-40, None, allow_negative=True, now=NOON)
    later = NOON + QUARTER / 2
    assert member.hold(hold_id(2), ask(90), now=later).parts == ((1, 90),)
    assert [(entry.kind, entry.transfers) for entry in member.entries[-4:]] == [
        ("release", (Transfer("held", "open", 1, 100), Transfer("held", "open", 2, 20))),
        ("hold", (Transfer("open", "held", 1, 90),)),
        ("expiry", (Transfer("open", "expired", 1, 10),)),
        ("settle", (Transfer("open", "debt", 2, 10),)),
    ]
