"""Points given back and taken back by returns (R23, R26, R27): the rules, one call at a time."""

from datetime import datetime
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.domain import errors
from pointbook.domain.programme_settings import Clawback
from tests.ledger.desk import NOON, Desk, at, lot, minutes

JUNE, JULY = at("2026-06-30"), at("2026-07-31")


async def spent(desk: Desk, points: int, *, cart: str = "cart", now: datetime = NOON) -> ledger.Hold:
    return await desk.capture(await desk.hold(points, cart=cart, now=now), now=now)


async def lots(desk: Desk) -> list[int]:
    """What is open of each lot, the oldest first."""
    return [row["open"] for row in await desk.read("select open from ledger.lot order by lot_id")]


# --- giving back ------------------------------------------------------------------------------------


async def test_r27_points_go_back_to_their_lots_the_latest_expiry_first(desk: Desk) -> None:
    await desk.earn(lot(100, expires=JULY), lot(50, expires=JUNE), lot(30))
    hold = await spent(desk, 160)
    assert await lots(desk) == [0, 0, 20]
    await desk.give_back(hold, 25, now=minutes(1))
    assert await lots(desk) == [15, 0, 30]
    given = await desk.give_back(hold, 100, now=minutes(2))
    assert given == ledger.GivenBack(desk.account_id, 5, points=100, anew=0, expired=0)
    assert await lots(desk) == [100, 15, 30]
    assert (await desk.story(minutes(2)))[-1] == ("GIVE_BACK", minutes(2), 100, 0)


async def test_r27_the_parts_of_a_capture_are_told_in_that_order(desk: Desk) -> None:
    await desk.earn(lot(100, expires=JULY), lot(50, expires=JUNE, value="4"), lot(30))
    hold = await spent(desk, 160)
    await desk.give_back(hold, 25, now=minutes(1))
    parts = await ledger.captured_parts(desk.connection, 1, hold.hold_id)
    assert [(part.captured, part.given_back, int(part.value_per_point), part.expires_at) for part in parts] == [
        (10, 10, 5, None),
        (100, 15, 5, JULY),
        (50, 0, 4, JUNE),
    ]


async def test_r27_the_parts_have_the_value_at_which_they_were_captured(desk: Desk) -> None:
    await desk.earn(lot(100))
    held = await desk.hold(10, point_value="4.5")
    assert await ledger.captured_parts(desk.connection, 1, held.hold_id) == []
    await desk.capture(held, now=NOON)
    [part] = await ledger.captured_parts(desk.connection, 1, held.hold_id)
    assert str(part.value_per_point) == "4.5"


async def test_e28_an_expired_lot_gets_a_successor_of_the_same_worth(desk: Desk) -> None:
    await desk.earn(lot(200, value="7", expires=at("2026-05-31")), now=at("2026-05-01"))
    hold = await spent(desk, 200, now=at("2026-05-20"))
    given = await desk.give_back(hold, 200, grace=at("2026-07-11"), now=at("2026-06-10"))
    assert (given.points, given.anew, given.expired) == (200, 200, 0)
    assert await desk.balance(at("2026-07-10")) == ledger.Balance(200, 0, 0, 0, 200, 1400)
    assert await desk.available(at("2026-07-11")) == 0
    assert (await desk.story(at("2026-06-10")))[-1] == ("GIVE_BACK", at("2026-06-10"), 200, 0)
    old, new = await desk.read("select * from ledger.lot order by lot_id")
    assert (old["open"], new["granted"]) == (0, 200)
    for same in ("owner_id", "value_per_point", "settings_version", "earned_at"):
        assert old[same] == new[same]


@pytest.mark.parametrize("grace", [None, at("2026-06-10")], ids=["no grace", "grace over"])
async def test_e28_without_grace_points_expire_at_once(desk: Desk, grace: datetime | None) -> None:
    await desk.earn(lot(200, expires=at("2026-05-31")), now=at("2026-05-01"))
    hold = await spent(desk, 200, now=at("2026-05-20"))
    given = await desk.give_back(hold, 200, grace=grace, now=at("2026-06-10"))
    assert (given.points, given.anew, given.expired) == (200, 0, 200)
    assert await desk.available(at("2026-06-10")) == 0
    assert (await desk.story(at("2026-06-10")))[-1] == ("GIVE_BACK", at("2026-06-10"), 0, 0)


async def test_r27_only_what_has_expired_gets_a_new_lot(desk: Desk) -> None:
    await desk.earn(lot(50, expires=minutes(30)), lot(50, expires=minutes(90)))
    hold = await spent(desk, 100)
    given = await desk.give_back(hold, 80, grace=minutes(120), now=minutes(60))
    assert (given.points, given.anew, given.expired) == (80, 30, 0)
    assert await desk.available(minutes(60)) == 80
    assert await desk.available(minutes(90)) == 30
    assert await desk.available(minutes(120)) == 0


async def test_r27_the_instant_of_expiry_is_after_it(desk: Desk) -> None:
    await desk.earn(lot(50, expires=minutes(30)))
    hold = await spent(desk, 50)
    assert (await desk.give_back(hold, 20, now=minutes(29.99))).expired == 0
    assert (await desk.give_back(hold, 20, now=minutes(30))).expired == 20
    assert await desk.available(minutes(30)) == 0


async def test_r26_points_given_back_pay_debt_first(desk: Desk) -> None:
    await desk.earn(lot(40))
    hold = await spent(desk, 40)
    await desk.adjust(-30, allow_negative=True, now=minutes(1))
    await desk.give_back(hold, 40, now=minutes(2))
    assert await desk.balance(minutes(2)) == ledger.Balance(10, 0, 0, 0, 10, 50)
    assert (await desk.story(minutes(2)))[-2:] == [
        ("GIVE_BACK", minutes(2), 40, 0),
        ("SETTLE", minutes(2), 0, 0),
    ]


async def test_r26_points_of_a_new_lot_pay_debt_too(desk: Desk) -> None:
    await desk.earn(lot(40, expires=minutes(10)))
    hold = await spent(desk, 40)
    await desk.adjust(-30, allow_negative=True, now=minutes(1))
    await desk.give_back(hold, 40, grace=minutes(60), now=minutes(20))
    assert await desk.balance(minutes(20)) == ledger.Balance(10, 0, 0, 0, 10, 50)


async def test_i6_no_more_is_given_back_than_was_captured(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.capture(await desk.hold(100), 300, now=NOON)
    await desk.give_back(hold, 45, now=minutes(1))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.give_back(hold, 16, now=minutes(2))
    assert (refused.value.requested, refused.value.available) == (16, 15)
    assert await desk.available(minutes(2)) == 85
    assert len(await desk.history(minutes(2))) == 4
    await desk.give_back(hold, 15, now=minutes(3))
    assert await desk.available(minutes(3)) == 100


async def test_nothing_is_given_back_of_what_was_not_captured(desk: Desk) -> None:
    await desk.earn(lot(100))
    released = await desk.release(await desk.hold(10), now=NOON)
    held = await desk.hold(10)
    for hold in (released, held):
        with pytest.raises(errors.RedemptionNotFound):
            await desk.give_back(hold, 1, now=minutes(1))
    with pytest.raises(errors.RedemptionNotFound):
        await desk.give_back(held, 1, now=minutes(15))
    assert await desk.available(minutes(15)) == 100
    unknown = ledger.GiveBack(uuid4(), 1, None)
    with pytest.raises(errors.RedemptionNotFound):
        await ledger.give_back(desk.connection, 1, unknown, ledger.Source("return", "r1"), now=NOON)


# --- taking back ------------------------------------------------------------------------------------


async def test_e24_what_an_order_earned_is_taken_back(desk: Desk) -> None:
    await desk.earn(lot(60), source="o1")
    reversal = await desk.reverse("o1", 60, now=minutes(1))
    assert reversal == ledger.Reversed(
        desk.account_id, 2, own_open=60, own_expired=0, others=0, debt=0, forgiven=0
    )
    assert await desk.balance(minutes(1)) == ledger.Balance(0, 0, 0, 0, 0, 0)
    assert (await desk.story(minutes(1)))[-1] == ("REVERSAL", minutes(1), -60, 0)


async def test_e27_what_was_spent_becomes_debt_that_the_next_points_pay(desk: Desk) -> None:
    await desk.earn(lot(100), source="o1")
    await spent(desk, 100)
    assert (await desk.reverse("o1", 100, now=minutes(1))).debt == 100
    assert await desk.balance(minutes(1)) == ledger.Balance(0, 0, 0, debt=100, spendable=0, value=0)
    await desk.earn(lot(150), now=minutes(2))
    assert await desk.balance(minutes(2)) == ledger.Balance(50, 0, 0, 0, 50, 250)


@pytest.mark.parametrize(
    ("policy", "others", "debt", "forgiven"),
    [
        (Clawback.ALLOW_NEGATIVE, 30, 70, 0),
        (Clawback.WITHIN_BALANCE, 30, 0, 70),
        (Clawback.ONLY_PENDING, 0, 0, 100),
    ],
)
async def test_e42_the_policy_says_what_is_taken_beyond_the_own_lots(
    desk: Desk, policy: Clawback, others: int, debt: int, forgiven: int
) -> None:
    await desk.earn(lot(100), source="o1")
    await spent(desk, 100)
    await desk.earn(lot(30), now=minutes(1))
    reversal = await desk.reverse("o1", 100, policy, now=minutes(2))
    assert (reversal.others, reversal.debt, reversal.forgiven) == (others, debt, forgiven)
    assert reversal.points == 100 - forgiven
    assert await desk.balance(minutes(2)) == ledger.Balance(
        30 - others, 0, 0, debt, 30 - others, 5 * (30 - others)
    )


async def test_r26_own_lots_then_what_expired_then_others_then_debt(desk: Desk) -> None:
    await desk.earn(
        lot(10, expires=minutes(10)),
        lot(20, available=minutes(60)),
        lot(30),
        lot(40, expires=minutes(50)),
        source="o1",
    )
    await spent(desk, 34)  # of the fourth lot 16 are left, and expire
    await desk.earn(lot(7, expires=minutes(70)), lot(6, expires=minutes(65)), lot(50, available=minutes(60)))
    reversal = await desk.reverse("o1", 100, now=minutes(55))
    assert (reversal.own_open, reversal.own_expired, reversal.others, reversal.debt) == (50, 16, 13, 21)
    lines = await desk.read(
        "select debit, lot_id - (select min(lot_id) - 1 from ledger.lot) as lot, points from ledger.transfer"
        " where credit = 'reversed' order by line"
    )
    assert [tuple(line) for line in lines] == [
        ("open", 3, 30),
        ("open", 2, 20),
        ("expired", 4, 16),
        ("open", 6, 6),
        ("open", 5, 7),
        ("debt", None, 21),
    ]


async def test_r26_held_points_are_left_and_pay_the_debt_when_the_hold_ends(desk: Desk) -> None:
    await desk.earn(lot(100), source="o1")
    hold = await desk.hold(60)
    reversal = await desk.reverse("o1", 100, now=minutes(1))
    assert (reversal.own_open, reversal.debt) == (40, 60)
    await desk.release(hold, now=minutes(2))
    assert await desk.balance(minutes(2)) == ledger.Balance(0, 0, 0, 0, 0, 0)


async def test_r26_what_expired_harms_nobody(desk: Desk) -> None:
    """The other lot is left alone, and the member sees no change."""
    await desk.earn(lot(100, expires=minutes(10)), source="o1")
    await desk.earn(lot(30))
    reversal = await desk.reverse("o1", 100, now=minutes(10))
    assert (reversal.own_expired, reversal.points) == (100, 100)
    assert await desk.available(minutes(10)) == 30
    assert (await desk.story(minutes(10)))[-1] == ("REVERSAL", minutes(10), 0, 0)


async def test_r26_what_expired_is_taken_once(desk: Desk) -> None:
    await desk.earn(lot(100, expires=minutes(10)), source="o1")
    await spent(desk, 70)
    assert (await desk.reverse("o1", 20, now=minutes(20))).own_expired == 20
    second = await desk.reverse("o1", 80, Clawback.WITHIN_BALANCE, now=minutes(21))
    assert (second.own_expired, second.forgiven) == (10, 70)


async def test_r26_what_expired_after_it_was_given_back_counts(desk: Desk) -> None:
    await desk.earn(lot(100, expires=minutes(10)), source="o1")
    hold = await spent(desk, 100)
    await desk.give_back(hold, 100, now=minutes(20))
    assert (await desk.reverse("o1", 100, now=minutes(20))).own_expired == 100


async def test_r26_only_pending_takes_what_is_not_available_yet_or_not_any_more(desk: Desk) -> None:
    await desk.earn(lot(10, expires=minutes(10)), lot(20, available=minutes(60)), lot(30), source="o1")
    await desk.earn(lot(40, available=minutes(60)))
    reversal = await desk.reverse("o1", 60, Clawback.ONLY_PENDING, now=minutes(20))
    assert (reversal.own_open, reversal.own_expired, reversal.others) == (20, 10, 0)
    assert reversal.forgiven == 30
    assert await desk.balance(minutes(20)) == ledger.Balance(
        30, pending=40, held=0, debt=0, spendable=30, value=150
    )


async def test_own_lots_are_taken_in_the_order_of_spending(desk: Desk) -> None:
    await desk.earn(lot(30), lot(50, expires=JUNE), lot(20, available=minutes(60), expires=JUNE), source="o1")
    await desk.reverse("o1", 60, now=minutes(1))
    assert await lots(desk) == [30, 0, 10]


async def test_i6_no_more_is_taken_back_than_was_granted(desk: Desk) -> None:
    await desk.earn(lot(100), source="o1")
    await desk.earn(lot(100))
    await desk.reverse("o1", 60, now=minutes(1))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.reverse("o1", 41, now=minutes(2))
    assert (refused.value.requested, refused.value.available) == (41, 40)
    assert await desk.available(minutes(2)) == 140
    figures = await ledger.accrual_of(desk.connection, 1, ledger.Source("order", "o1"))
    assert figures == ledger.AccrualFigures(desk.account_id, 1, granted=100, reversed=60)


async def test_nothing_is_taken_back_of_what_was_never_earned(desk: Desk) -> None:
    await desk.earn(lot(100))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.reverse("o1", 1, now=NOON)
    assert refused.value.available == 0
    assert await ledger.accrual_of(desk.connection, 1, ledger.Source("order", "o1")) is None


# --- one effect a source ----------------------------------------------------------------------------


async def test_r23_a_return_has_its_effect_once(desk: Desk) -> None:
    """Whatever is asked, and whatever has happened since."""
    await desk.earn(lot(100), source="o1")
    hold = await spent(desk, 100)
    given = await desk.give_back(hold, 40, source="r1", now=minutes(1))
    reversal = await desk.reverse("o1", 50, Clawback.WITHIN_BALANCE, source="r1", now=minutes(2))
    await desk.earn(lot(100), now=minutes(3))
    assert await desk.give_back(hold, 70, source="r1", now=minutes(4)) == given
    assert await desk.reverse("o1", 70, source="r1", now=minutes(4)) == reversal
    assert (reversal.own_open, reversal.forgiven) == (40, 10)
    assert await desk.available(minutes(4)) == 100


async def test_r23_that_nothing_was_moved_is_remembered_too(desk: Desk) -> None:
    await desk.earn(lot(100), source="o1")
    hold = await spent(desk, 100)
    nothing = await desk.give_back(hold, 0, source="r1", now=minutes(1))
    assert nothing == ledger.GivenBack(desk.account_id, None, 0, 0, 0)
    forgiven = await desk.reverse("o1", 100, Clawback.WITHIN_BALANCE, source="r1", now=minutes(1))
    assert forgiven == ledger.Reversed(desk.account_id, None, 0, 0, 0, 0, forgiven=100)
    await desk.earn(lot(30), now=minutes(2))
    assert await desk.give_back(hold, 5, source="r1", now=minutes(3)) == nothing
    assert await desk.reverse("o1", 100, source="r1", now=minutes(3)) == forgiven
    assert len(await desk.history(minutes(3))) == 4


async def test_r23_a_source_is_of_one_hold_and_of_one_accrual(desk: Desk) -> None:
    await desk.earn(lot(100), source="o1")
    await desk.earn(lot(100), source="o2")
    first, second = await spent(desk, 10, cart="1"), await spent(desk, 10, cart="2")
    await desk.give_back(first, 5, source="r1", now=minutes(1))
    await desk.reverse("o1", 5, source="r1", now=minutes(1))
    with pytest.raises(errors.IdempotencyConflict):
        await desk.give_back(second, 5, source="r1", now=minutes(2))
    with pytest.raises(errors.IdempotencyConflict):
        await desk.reverse("o2", 5, source="r1", now=minutes(2))
    assert await desk.available(minutes(2)) == 180


# --- both at once -----------------------------------------------------------------------------------


async def test_what_a_return_gives_back_pays_what_it_takes_back(desk: Desk) -> None:
    """At one instant, without a debt between the two."""
    await desk.earn(lot(60), source="o1")
    hold = await spent(desk, 60)
    returned = await desk.return_order(hold, 60, "o1", 60, now=minutes(1))
    assert returned == ledger.Returned(
        ledger.GivenBack(desk.account_id, 4, 60, 0, 0), ledger.Reversed(desk.account_id, 5, 60, 0, 0, 0, 0)
    )
    assert (await desk.story(minutes(1)))[-2:] == [
        ("GIVE_BACK", minutes(1), 60, 0),
        ("REVERSAL", minutes(1), -60, 0),
    ]


async def test_e43_any_sequence_of_returns_closes_exactly(desk: Desk) -> None:
    await desk.earn(lot(60), lot(40, expires=JUNE))
    hold = await spent(desk, 100)
    await desk.earn(lot(15), source="o1", now=minutes(1))
    for minute, (points, earned) in enumerate([(33, 2), (33, 1), (34, 12)], 2):
        await desk.return_order(hold, points, "o1", earned, now=minutes(minute))
    assert await lots(desk) == [60, 40, 0]
    figures = await ledger.accrual_of(desk.connection, 1, ledger.Source("order", "o1"))
    assert figures is not None
    assert (figures.granted, figures.reversed) == (15, 15)
    parts = await ledger.captured_parts(desk.connection, 1, hold.hold_id)
    assert [part.captured - part.given_back for part in parts] == [0, 0]


async def test_a_return_has_both_effects_or_none(desk: Desk) -> None:
    await desk.earn(lot(60), source="o1")
    hold = await spent(desk, 60)
    with pytest.raises(errors.InsufficientPoints):
        await desk.return_order(hold, 60, "o1", 61, source="r1", now=minutes(1))
    assert await desk.available(minutes(1)) == 0
    await desk.return_order(hold, 50, "o1", 20, source="r1", now=minutes(2))
    assert await desk.available(minutes(2)) == 30


async def test_i8_a_request_has_the_answer_of_the_first_time(desk: Desk) -> None:
    await desk.earn(lot(60), source="o1")
    hold = await spent(desk, 60)
    first = await desk.return_order(hold, 20, "o1", 10, key="k1", now=minutes(1))
    assert await desk.return_order(hold, 20, "o1", 10, key="k1", now=minutes(2)) == first
    with pytest.raises(errors.IdempotencyConflict):
        await desk.return_order(hold, 21, "o1", 10, key="k1", now=minutes(2))
    assert await desk.available(minutes(2)) == 10


async def test_buyer_and_payer_may_be_two(desk: Desk) -> None:
    """Points go back to who paid with them, and are taken from who earned."""
    buyer = await desk.second_account()
    await desk.earn(lot(60))
    await buyer.earn(lot(30), source="o1")
    hold = await spent(desk, 60)
    returned = await desk.return_order(hold, 60, "o1", 30, now=minutes(1))
    assert returned.given_back is not None
    assert returned.reversed is not None
    assert (returned.given_back.account_id, returned.reversed.account_id) == (desk.account_id, buyer.account_id)
    assert (await desk.available(minutes(1)), await buyer.available(minutes(1))) == (60, 0)


async def test_returns_follow_a_merge(desk: Desk) -> None:
    """Used-up lots and what was captured or expired stay where they were; the effect is the target's."""
    source = await desk.second_account()
    await source.earn(lot(100, expires=minutes(10)), lot(50), source="o1")
    hold = await spent(source, 120)
    await source.give_back(hold, 30, now=minutes(11))
    await source.earn(lot(10), now=minutes(12))
    await desk.merge(source, now=minutes(12))
    given = await desk.give_back(hold, 10, grace=minutes(60), now=minutes(20))
    assert (given.account_id, given.seq, given.anew) == (desk.account_id, 2, 10)
    reversal = await desk.reverse("o1", 150, now=minutes(21))
    assert (reversal.account_id, reversal.own_open, reversal.own_expired) == (desk.account_id, 50, 10)
    assert (reversal.others, reversal.debt) == (20, 70)
    assert await desk.available(minutes(21)) == 0


# --- reads of the past ------------------------------------------------------------------------------


async def test_balances_of_the_past_know_what_was_given_and_taken_back(desk: Desk) -> None:
    await desk.earn(lot(60), lot(40, expires=minutes(10)), source="o1")
    hold = await spent(desk, 40)
    await desk.give_back(hold, 40, grace=minutes(60), now=minutes(20))
    await desk.reverse("o1", 100, now=minutes(30))
    await desk.earn(lot(1), now=minutes(40))
    for instant, available, debt in ((19, 60, 0), (20, 100, 0), (29, 100, 0), (30, 0, 0), (40, 1, 0)):
        then = await desk.balance(minutes(50), as_of=minutes(instant))
        assert (then.available, then.debt) == (available, debt), instant
    page = await desk.page(minutes(40), until=minutes(60))
    assert [item.kind for item in page.history] == [
        "ACCRUAL",
        "REVERSAL",
        "GIVE_BACK",
        "CAPTURE",
        "HOLD",
        "ACCRUAL",
    ]
    assert sum(item.points for item in page.history) == 1
