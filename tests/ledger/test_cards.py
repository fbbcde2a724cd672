"""Gift cards: bought, used, held, refunded, voided, expired; every cent accounted for (R29)."""

from dataclasses import replace

import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, lot, minutes
from tests.ledger.till import Till


@pytest.fixture
def till(desk: Desk) -> Till:
    return Till(desk)


async def test_a_card_costs_points_and_is_used_over_several_purchases(till: Till) -> None:
    """E34."""
    await till.desk.earn(lot(480))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await till.buy()
    assert refused.value.available == 480
    await till.desk.earn(lot(40))
    card = await till.buy()
    assert await till.desk.available() == 20
    await till.use(card, 3_000, order="A")
    assert await till.figures(card) == ("PARTLY_USED", 2_000, 0, 3_000, 0, 0)
    await till.use(card, 2_000, order="B")
    assert await till.figures(card) == ("USED", 0, 0, 5_000, 0, 0)
    with pytest.raises(errors.GiftCardOverdrawn) as overdrawn:
        await till.use(card, 1)
    assert overdrawn.value.available_minor == 0


async def test_a_card_is_bought_once_a_request_and_answered_as_it_was(till: Till) -> None:
    await till.desk.earn(lot(1_000))
    card = await till.buy(key="k")
    await till.use(card, 100)
    assert await till.buy(key="k") == card
    assert await till.desk.available() == 500
    with pytest.raises(errors.IdempotencyConflict):
        await till.buy(4_999, key="k")


async def test_a_use_is_answered_as_the_first_time(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    first = await till.use(card, 100, order="A", key="k")
    await till.use(card, 100, order="A")
    again = await till.use(card, 100, order="A", key="k")
    assert (again.replayed, replace(again, replayed=False)) == (True, first)
    assert first.card.open == 4_900
    assert (await till.card(card)).open == 4_800
    with pytest.raises(errors.IdempotencyConflict):
        await till.use(card, 101, key="k")


async def test_held_money_is_used_released_or_lapses(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    used, released, lapsed = [await till.hold(card, 1_000) for _ in range(3)]
    assert await till.figures(card) == ("ISSUED", 2_000, 3_000, 0, 0, 0)
    with pytest.raises(errors.GiftCardOverdrawn):
        await till.use(card, 2_001)
    await till.use(card, 600, hold=used, now=minutes(1))
    await till.release(card, released, now=minutes(1))
    assert await till.figures(card, minutes(1)) == ("PARTLY_USED", 3_400, 1_000, 600, 0, 0)
    assert await till.figures(card, minutes(15)) == ("PARTLY_USED", 4_400, 0, 600, 0, 0)
    for ended, state in ((used, "CAPTURED"), (released, "RELEASED"), (lapsed, "LAPSED")):
        with pytest.raises(errors.RedemptionEnded) as refused:
            await till.use(card, 1, hold=ended, now=minutes(15))
        assert refused.value.state == state
    assert (await till.story(card, minutes(15)))[-4:] == [
        ("USE", minutes(1), 0, -600),
        ("RELEASE", minutes(1), 400, -400),
        ("RELEASE", minutes(1), 1_000, -1_000),
        ("LAPSE", minutes(15), 1_000, -1_000),
    ]


async def test_a_hold_pays_no_more_than_it_has(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    hold = await till.hold(card, 1_000)
    with pytest.raises(errors.GiftCardOverdrawn) as refused:
        await till.use(card, 1_001, hold=hold)
    assert refused.value.available_minor == 1_000
    assert (await till.use(card, None, hold=hold)).amount == 1_000


async def test_another_card_s_hold_is_none(till: Till) -> None:
    await till.desk.earn(lot(1_000))
    one, other = await till.buy(), await till.buy()
    hold = await till.hold(one, 100)
    with pytest.raises(errors.RedemptionNotFound):
        await till.use(other, 50, hold=hold)
    with pytest.raises(errors.RedemptionNotFound):
        await till.release(other, hold, now=minutes(1))


async def test_what_is_left_expires_whether_or_not_a_job_runs(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy(expires=minutes(60))
    await till.use(card, 1_500)
    assert await till.figures(card, minutes(59.999)) == ("PARTLY_USED", 3_500, 0, 1_500, 0, 0)
    assert await till.figures(card, minutes(60)) == ("EXPIRED", 0, 0, 1_500, 3_500, 0)
    story = await till.story(card, minutes(90))
    assert story[-1] == ("EXPIRY", minutes(60), -3_500, 0)
    assert await till.sweep(minutes(90)) == 1
    assert await till.story(card, minutes(90)) == story
    assert await till.sweep(minutes(91)) == 0
    with pytest.raises(errors.GiftCardEnded) as refused:
        await till.use(card, 1, now=minutes(92))
    assert refused.value.state == "EXPIRED"


async def test_held_money_outlives_its_card_until_the_hold_ends(till: Till) -> None:
    """R18, for cards."""
    await till.desk.earn(lot(500))
    card = await till.buy(expires=minutes(10))
    captured, released, _ = [await till.hold(card, 1_000, now=minutes(5)) for _ in range(3)]
    assert await till.figures(card, minutes(12)) == ("PARTLY_USED", 0, 3_000, 0, 2_000, 0)
    await till.use(card, 700, hold=captured, now=minutes(12))
    await till.release(card, released, now=minutes(13))
    assert await till.figures(card, minutes(13)) == ("PARTLY_USED", 0, 1_000, 700, 3_300, 0)
    assert await till.figures(card, minutes(20)) == ("EXPIRED", 0, 0, 700, 4_300, 0)
    assert (await till.story(card, minutes(20)))[-1] == ("LAPSE", minutes(20), 0, -1_000)


async def test_a_refund_goes_back_onto_the_card_and_never_beyond_what_it_paid(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    await till.use(card, 3_000, order="A")
    await till.use(card, 1_000, order="B")
    await till.refund(card, 2_500, order="A", key="r")
    await till.refund(card, 2_500, order="A", key="r")
    assert await till.figures(card) == ("PARTLY_USED", 3_500, 0, 1_500, 0, 0)
    with pytest.raises(errors.RefundExceedsUse) as refused:
        await till.refund(card, 501, order="A")
    assert refused.value.refundable_minor == 500
    with pytest.raises(errors.RefundExceedsUse):
        await till.refund(card, 1)
    await till.refund(card, 500, order="A")
    await till.refund(card, 1_000, order="B")
    assert await till.figures(card) == ("ISSUED", 5_000, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("grace", "figures"),
    [(90, ("PARTLY_USED", 3_000, 0, 0, 2_000, 0)), (None, ("EXPIRED", 0, 0, 0, 5_000, 0))],
)
async def test_a_refund_onto_an_expired_card_is_good_for_the_grace(
    till: Till, grace: float | None, figures: tuple[object, ...]
) -> None:
    """R27, for cards: what had expired before stays so."""
    await till.desk.earn(lot(500))
    card = await till.buy(expires=minutes(10))
    await till.use(card, 3_000, order="A")
    until = None if grace is None else minutes(grace)
    await till.refund(card, 3_000, order="A", grace=until, now=minutes(20))
    assert await till.figures(card, minutes(20)) == figures
    assert await till.figures(card, minutes(90)) == ("EXPIRED", 0, 0, 0, 5_000, 0)


async def test_a_refund_gives_held_money_of_an_expired_card_no_new_life(till: Till) -> None:
    """R18: what was set aside expires when its hold ends, whatever else goes back onto the card."""
    await till.desk.earn(lot(500))
    card = await till.buy(expires=minutes(10))
    await till.use(card, 1, order="A")
    lapses = await till.hold(card, 2_000, now=minutes(5))
    released = await till.hold(card, 2_999, now=minutes(5))
    await till.refund(card, 1, order="A", grace=minutes(90), now=minutes(12))
    await till.release(card, released, now=minutes(13))
    assert await till.figures(card, minutes(20)) == ("PARTLY_USED", 1, 0, 0, 4_999, 0)
    with pytest.raises(errors.RedemptionEnded):
        await till.release(card, lapses, now=minutes(20))


async def test_an_unused_card_is_voided_and_its_points_come_back_once(till: Till) -> None:
    await till.desk.earn(lot(520))
    card = await till.buy()
    voided = await till.void(card, now=minutes(1))
    assert (voided.card.state, voided.card.void, voided.given_back.points) == ("VOID", 5_000, 500)
    assert await till.void(card, now=minutes(2)) == replace(voided, replayed=True)
    assert await till.desk.available(minutes(2)) == 520
    with pytest.raises(errors.GiftCardEnded) as refused:
        await till.use(card, 1, now=minutes(3))
    assert refused.value.state == "VOID"


async def test_a_card_that_is_used_held_or_expired_is_not_voided(till: Till) -> None:
    await till.desk.earn(lot(1_500))
    used, held, expired = await till.buy(), await till.buy(), await till.buy(expires=minutes(10))
    await till.use(used, 1)
    await till.hold(held, 1)
    for card in (used, held, expired):
        with pytest.raises(errors.GiftCardInUse):
            await till.void(card, now=minutes(10))
    assert await till.desk.available(minutes(10)) == 0
    await till.void(held, now=minutes(15))
    assert await till.desk.available(minutes(15)) == 500


async def test_a_card_of_another_programme_is_not_there(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    other = Till(await Desk.open(till.desk.connection, 2))
    for call in (other.use(card, 1), other.refund(card, 1), other.void(card), other.hold(card, 1)):
        with pytest.raises(errors.GiftCardNotUsable):
            await call
    assert await ledger.card_of_code(till.desk.connection, 2, card.code_hash, now=NOON) is None
    found = await ledger.card_of_code(till.desk.connection, 1, card.code_hash, now=NOON)
    assert found == card


async def test_a_page_of_history(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy(expires=minutes(30))
    await till.use(card, 100, order="A")
    await till.use(card, 200, order="B")
    newest = await ledger.card_history(till.desk.connection, 1, card.card_id, first=2, now=minutes(31))
    assert [(row.kind, row.amount, row.paid) for row in newest] == [
        ("EXPIRY", 4_700, None),
        ("USE", 200, ("order", "B")),
    ]
    older = await ledger.card_history(
        till.desk.connection, 1, card.card_id, first=2, before_seq=newest[-1].seq, now=minutes(31)
    )
    assert [(row.kind, row.amount) for row in older] == [("USE", 100), ("ISSUE", 5_000)]


async def test_a_programme_closes_when_no_card_has_money(till: Till) -> None:
    await till.desk.earn(lot(500))
    card = await till.buy()
    counts = await till.desk.connection.fetchrow("select * from ledger.extent_of_cards(1)")
    assert counts is not None
    assert tuple(counts) == (1, 5_000)
    await till.use(card, 5_000)
    counts = await till.desk.connection.fetchrow("select * from ledger.extent_of_cards(1)")
    assert counts is not None
    assert tuple(counts) == (1, 0)
