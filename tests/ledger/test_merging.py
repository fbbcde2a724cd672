"""R33, I10: two accounts become one; its lots, holds and debt go on, and no total changes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.domain import errors
from pointbook.ledger import EntryKind, HoldState
from tests.ledger.desk import NOON, Desk, at, lot, minutes

_TOTALS = """
select name, sum(case when credit = name then points else -points end)::bigint as points
from ledger.transfer
cross join unnest(array['issued', 'redeemed', 'expired', 'reversed', 'forfeited', 'adjusted', 'moved']) as name
where name in (debit, credit)
group by name
"""


async def totals(desk: Desk) -> dict[str, int]:
    return {row["name"]: row["points"] for row in await desk.read(_TOTALS)}


async def lots(desk: Desk) -> list[tuple[object, ...]]:
    """What never changes of the account's live lots, and what is open and held."""
    rows = await desk.read(
        "select lot_id, account_id, seq, granted, open, held, value_per_point, earned_at, available_from,"
        " expires_at, settings_version"
        f" from ledger.lot where owner_id = {desk.account_id} and live order by lot_id"
    )
    return [tuple(row) for row in rows]


async def test_everything_moves_as_it_is(desk: Desk) -> None:
    """E31: target 100 + 50 pending; source 30 (exp 06-30), 20 held, 40 pending -> 130, 90 pending, 20 held."""
    other = await desk.second_account()
    await desk.earn(lot(100), lot(50, available=at("2026-04-01")))
    await other.earn(lot(50, value="3", expires=at("2026-06-30")), lot(40, available=at("2026-03-20")))
    hold = await other.hold(20, now=minutes(1))
    before, figures = await lots(other), await totals(desk)
    merged = await desk.merge(other, now=minutes(2))
    assert (merged.open, merged.held, merged.debt, merged.reversed) == (70, 20, 0, 0)
    balance = await desk.balance(minutes(2))
    assert (balance.available, balance.pending, balance.held) == (130, 90, 20)
    assert await lots(other) == []
    assert before == [row for row in await lots(desk) if row in before]
    assert await totals(desk) == {**figures, "moved": 0}
    captured = await desk.capture(hold, now=minutes(3))
    assert (captured.account_id, captured.captured_points, captured.captured_value) == (desk.account_id, 20, 60)


async def test_either_id_reads_the_one_account(desk: Desk) -> None:
    other = await desk.second_account()
    await desk.earn(lot(10))
    await other.earn(lot(5))
    await desk.merge(other, now=minutes(1))
    assert await other.balance(minutes(1)) == await desk.balance(minutes(1))
    assert await other.history(minutes(1)) == await desk.history(minutes(1))
    page = await other.page(minutes(1), until=at("2027-01-01"))
    assert page.balance.available == 15


async def test_each_history_tells_its_own_part(desk: Desk) -> None:
    """The sums of either stay right: the source's comes to nothing, the target's to the balance."""
    other = await desk.second_account()
    await desk.earn(lot(100))
    await other.earn(lot(30))
    await other.hold(10, now=minutes(1))
    await desk.merge(other, now=minutes(2))
    assert await desk.story(minutes(2)) == [("ACCRUAL", NOON, 100, 0), ("MERGE_IN", minutes(2), 30, 10)]
    own = [(row.kind, row.points, row.held) for row in reversed(await other.own_history(minutes(2)))]
    assert own == [(EntryKind.ACCRUAL, 30, 0), (EntryKind.HOLD, 0, 10), (EntryKind.MERGE_OUT, -30, -10)]
    assert [row.seq for row in await desk.own_history(minutes(20))] == [3, 2, 1], "what is due is told too"
    assert (await desk.balance(minutes(2), as_of=minutes(1))).available == 100, "as it was"


async def test_the_clock_goes_on_for_what_moved(desk: Desk) -> None:
    """R18, I9: the hold lapses at its end, the lot expires at its own, and the pending one starts."""
    other = await desk.second_account()
    await other.earn(lot(30, expires=minutes(30)), lot(7, available=minutes(40)))
    await other.hold(20)
    await desk.merge(other, now=minutes(1))
    assert await desk.story(minutes(50)) == [
        ("MERGE_IN", minutes(1), 37, 20),
        ("LAPSE", minutes(15), 0, -20),
        ("EXPIRY", minutes(30), -30, 0),
    ]
    assert await desk.available(minutes(50)) == 7


@pytest.mark.parametrize("owes", ["target", "source"])
async def test_a_debt_is_paid_by_what_the_other_has(desk: Desk, owes: str) -> None:
    """I7: at the instant of the merge; what is pending pays when it starts (R26)."""
    other = await desk.second_account()
    debtor, rich = (desk, other) if owes == "target" else (other, desk)
    await debtor.adjust(-50, allow_negative=True)
    await rich.earn(lot(30), lot(40, available=minutes(10)))
    merged = await desk.merge(other, now=minutes(1))
    assert merged.debt == (50 if owes == "source" else 0)
    balance = await desk.balance(minutes(1))
    assert (balance.available, balance.pending, balance.debt) == (0, 40, 20)
    balance = await desk.balance(minutes(10))
    assert (balance.available, balance.pending, balance.debt) == (20, 0, 0)


async def test_two_debts_add_up(desk: Desk) -> None:
    other = await desk.second_account()
    await desk.adjust(-5, allow_negative=True)
    await other.adjust(-7, allow_negative=True)
    await desk.merge(other, now=minutes(1))
    await desk.earn(lot(20), now=minutes(2))
    assert await desk.available(minutes(2)) == 8


async def test_what_was_due_on_either_is_booked_at_its_instant(desk: Desk) -> None:
    """I5, I9: also where one account is ahead of the other."""
    other = await desk.second_account()
    await desk.earn(lot(10, expires=minutes(5)))
    await other.earn(lot(20, expires=minutes(6)), lot(1))
    await other.adjust(1, plus=lot(1), now=minutes(7))
    await desk.merge(other, now=minutes(3))
    assert await desk.story(minutes(7)) == [
        ("ACCRUAL", NOON, 10, 0),
        ("EXPIRY", minutes(5), -10, 0),
        ("MERGE_IN", minutes(7), 2, 0),
    ]


async def test_later_effects_on_earlier_orders_land_on_the_target(desk: Desk) -> None:
    """R27: to the lots they came from, used up or not; R26: from the order's own lots first."""
    other = await desk.second_account()
    await other.earn(lot(40), source="earned")
    spent = await other.capture(await other.hold(40), now=minutes(1))
    await other.earn(lot(9), source="kept", now=minutes(1))
    await desk.merge(other, now=minutes(2))
    given = await desk.give_back(spent, 15, now=minutes(3))
    assert (given.account_id, await desk.available(minutes(3))) == (desk.account_id, 24)
    taken = await desk.reverse("earned", 40, now=minutes(4))
    assert (taken.account_id, taken.own_open, taken.others, taken.debt) == (desk.account_id, 15, 9, 16)


async def test_what_expired_before_is_taken_back_as_expired(desk: Desk) -> None:
    other = await desk.second_account()
    await other.earn(lot(40, expires=minutes(5)), source="order")
    await desk.merge(other, now=minutes(10))
    taken = await desk.reverse("order", 40, now=minutes(11))
    assert (taken.own_expired, taken.debt) == (40, 0)


async def test_a_spend_is_undone_for_the_target(desk: Desk) -> None:
    other = await desk.second_account()
    await other.earn(lot(40))
    spent = await other.spend(25)
    await desk.merge(other, now=minutes(1))
    await desk.unspend(spent, now=minutes(2))
    assert await desk.available(minutes(2)) == 40


async def test_a_hold_that_lapsed_before_pays_late(desk: Desk) -> None:
    """R21: from what expired of it, then from what the one account has."""
    other = await desk.second_account()
    await other.earn(lot(30, expires=minutes(10)))
    hold = await other.hold(30)
    await desk.earn(lot(5))
    await desk.merge(other, now=minutes(20))
    late = await desk.capture_late(hold, now=minutes(21))
    assert (late.account_id, late.points, late.debt) == (desk.account_id, 30, 0)
    assert await desk.available(minutes(21)) == 5


async def test_ended_holds_answer_as_before(desk: Desk) -> None:
    """An order that is reported again finds its hold as it was captured; a hold that ended is told as ended."""
    other = await desk.second_account()
    await other.earn(lot(100))
    captured = await other.capture(await other.hold(20, cart="a"), now=minutes(1), source="order")
    released = await other.release(await other.hold(20, cart="b"), now=minutes(1))
    await desk.merge(other, now=minutes(2))
    again = await desk.capture(captured, now=minutes(3), source="order")
    assert (again.state, again.captured_points) == (HoldState.CAPTURED, 20)
    for desk_of in (desk, other):
        with pytest.raises(errors.RedemptionEnded, match="RELEASED"):
            await desk_of.release(released, now=minutes(3))
        with pytest.raises(errors.RedemptionEnded, match="CAPTURED"):
            await desk_of.extend(captured, now=minutes(3))


async def test_a_stranger_still_finds_no_hold_of_others(desk: Desk) -> None:
    other, stranger = await desk.second_account(), await desk.second_account()
    await other.earn(lot(100))
    hold = await other.hold(20)
    await desk.merge(other, now=minutes(1))
    with pytest.raises(errors.RedemptionNotFound):
        await stranger.release(hold, now=minutes(2))


async def test_holds_of_both_for_one_cart_go_on(desk: Desk) -> None:
    """R20: the older is replaced, the other stands until it ends; both codes are good."""
    other = await desk.second_account()
    await desk.earn(lot(100))
    await other.earn(lot(100))
    older, newer = await other.hold(20), await desk.hold(30, now=minutes(1))
    await desk.merge(other, now=minutes(2))
    replaced = await desk.hold(50, now=minutes(3))
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture(older, now=minutes(4))
    for hold in (newer, replaced):
        await desk.capture(hold, now=minutes(4))
    assert await desk.available(minutes(4)) == 120


@pytest.mark.parametrize(("target", "source"), [(True, False), (False, True), (False, False)])
async def test_a_redemption_lock_of_either_stays(desk: Desk, target: bool, source: bool) -> None:  # noqa: FBT001
    other = await desk.second_account()
    await other.earn(lot(10))
    await desk.restrict(may_earn=True, may_spend=target)
    await other.restrict(may_earn=True, may_spend=source)
    await desk.merge(other, now=minutes(1))
    with pytest.raises(errors.RedemptionLocked):
        await desk.hold(5, now=minutes(1))
    await other.earn(lot(1), now=minutes(2))
    assert await desk.available(minutes(2)) == 11


@pytest.mark.parametrize("which", ["target", "source"])
async def test_an_inactive_account_is_not_merged(desk: Desk, which: str) -> None:
    other = await desk.second_account()
    await (desk if which == "target" else other).restrict(may_earn=False, may_spend=False)
    with pytest.raises(errors.MembersNotMergeable, match="INACTIVE"):
        await desk.merge(other, now=minutes(1))
    assert await desk.history(minutes(1)) == []


async def test_what_cannot_be_merged(desk: Desk) -> None:
    """With oneself, twice, in a circle, with nobody."""
    other, third = await desk.second_account(), await desk.second_account()
    with pytest.raises(errors.MembersNotMergeable, match="ONESELF"):
        await desk.merge(desk, now=NOON)
    await desk.merge(other, now=NOON)
    for target, source in ((desk, other), (other, desk), (third, other)):
        with pytest.raises(errors.MembersNotMergeable, match="MERGED"):
            await target.merge(source, now=NOON)
    for nobody in (Desk(desk.connection, 1, 999_999), Desk(desk.connection, 1, 999_998)):
        with pytest.raises(errors.NotAMember):
            await desk.merge(nobody, now=NOON)
        with pytest.raises(errors.NotAMember):
            await nobody.merge(desk, now=NOON)
    with pytest.raises(errors.MembersNotMergeable, match="ONESELF"):
        await other.merge(other, now=NOON)


@pytest.mark.parametrize("which", ["target", "source"])
async def test_an_account_whose_member_has_left_is_not_merged(desk: Desk, which: str) -> None:
    other = await desk.second_account()
    gone = desk if which == "target" else other
    request = ledger.Request.of("tester", "forfeit", "k")
    await ledger.forfeit(desk.connection, desk.programme_id, gone.account_id, request=request, now=NOON)
    with pytest.raises(errors.NotAMember):
        await desk.merge(other, now=minutes(1))


async def test_a_merge_has_its_effect_once(desk: Desk) -> None:
    """I8: what it was done for comes again, and gets the first answer."""
    other = await desk.second_account()
    await desk.sign_up(lot(3))
    await other.sign_up(lot(10))
    await other.earn(lot(6))
    first = await desk.merge(other, single_bonus="sign_up", done_for="request 1", now=minutes(1))
    assert (first.open, first.reversed) == (6, 10)
    await desk.hold(5, now=minutes(2))
    assert await desk.merge(other, single_bonus="sign_up", done_for="request 1", now=minutes(3)) == first


async def test_merges_in_a_row_lead_to_the_last(desk: Desk) -> None:
    second, third = await desk.second_account(), await desk.second_account()
    await third.earn(lot(10), source="third's")
    spent = await third.capture(await third.hold(4), now=NOON)
    hold = await third.hold(3)
    await second.merge(third, now=minutes(1))
    await desk.merge(second, now=minutes(2))
    assert (await third.balance(minutes(2))).held == 3
    await desk.capture(hold, now=minutes(3))
    await desk.give_back(spent, 4, now=minutes(4))
    assert (await desk.reverse("third's", 10, now=minutes(5))).debt == 3
    with pytest.raises(errors.MembersNotMergeable, match="MERGED"):
        await third.merge(desk, now=minutes(5))


async def test_a_target_that_was_merged_leads_on(desk: Desk) -> None:
    second, third = await desk.second_account(), await desk.second_account()
    await third.earn(lot(10))
    await desk.merge(second, now=minutes(1))
    assert (await second.merge(third, now=minutes(2))).account_id == desk.account_id
    assert await desk.available(minutes(2)) == 10


async def test_of_two_bonuses_the_sources_is_reversed_as_far_as_unspent(desk: Desk) -> None:
    """R33: 100 granted, 30 spent, 20 held: 50 are taken back, the held ones are the target's."""
    other = await desk.second_account()
    await desk.sign_up(lot(100))
    await other.sign_up(lot(100, expires=at("2026-12-31")))
    await other.earn(lot(8))
    await other.capture(await other.hold(30), now=NOON)
    hold = await other.hold(20)
    merged = await desk.merge(other, single_bonus="sign_up", now=minutes(1))
    assert (merged.open, merged.held, merged.reversed) == (8, 20, 50)
    await desk.release(hold, now=minutes(2))
    assert await desk.available(minutes(2)) == 128


@pytest.mark.parametrize(
    ("target", "single_bonus", "kept"), [(True, "sign_up", 0), (False, "sign_up", 10), (True, None, 10)]
)
async def test_a_bonus_is_reversed_only_if_there_are_two(
    desk: Desk,
    target: bool,  # noqa: FBT001
    single_bonus: str | None,
    kept: int,
) -> None:
    other = await desk.second_account()
    if target:
        await desk.sign_up(lot(5))
    await other.sign_up(lot(10, available=at("2026-05-01")))
    merged = await desk.merge(other, single_bonus=single_bonus, now=minutes(1))
    assert (merged.open, merged.reversed) == (kept, 10 - kept)


async def test_a_bonus_that_came_by_a_merge_counts(desk: Desk) -> None:
    """Of three accounts' bonuses one stays, whoever is merged into whom."""
    second, third = await desk.second_account(), await desk.second_account()
    await second.sign_up(lot(10))
    await third.sign_up(lot(10))
    await desk.merge(second, single_bonus="sign_up", now=minutes(1))
    assert (await desk.merge(third, single_bonus="sign_up", now=minutes(2))).reversed == 10
    assert await desk.available(minutes(2)) == 10


async def test_a_clock_that_is_ahead_merges_nothing(desk: Desk) -> None:
    """As every function of the ledger."""
    await ledger.open_programme(desk.connection, 2, sandbox=False)
    now = datetime.now(UTC)
    ids = [await ledger.open_account(desk.connection, 2, uuid4(), now=now) for _ in range(2)]
    target, source = (Desk(desk.connection, 2, account_id) for account_id in ids)
    with pytest.raises(errors.ClockAhead):
        await target.merge(source, now=now + timedelta(minutes=1))
    await target.merge(source, now=now)
