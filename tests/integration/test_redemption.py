"""A customer pays with points: quote, hold, extend, cancel."""

import asyncio
from datetime import timedelta

import pytest

from pointbook.domain import errors
from pointbook.services import redemption
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import change_state
from pointbook.services.redemption import Redeem, Voucher
from pointbook.services.settings_versions import change_settings
from tests.support import (
    DAY,
    MINUTE,
    MOMENT,
    NOW,
    cart,
    customer,
    euros,
    everything,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    outcomes,
    redeem,
    refused,
    spendable,
)


@pytest.mark.parametrize(
    ("balance", "asked", "points", "value", "left"),
    [(1_000, None, 399, "19.95", "0.04"), (250, None, 250, "12.50", "7.49"), (1_000, 120, 120, "6.00", "13.99")],
)
async def test_e06_full_and_partial_redemption(
    installation: Installation,
    programme: ProgrammeSnapshot,
    *,
    balance: int,
    asked: int | None,
    points: int,
    value: str,
    left: str,
) -> None:
    ann = await member_with_points(installation, programme, balance)
    offer = await redemption.quote(installation, ann, cart(total=1_999), asked, now=NOW)
    assert (offer.points, offer.value, offer.remaining) == (points, euros(value), euros(left))
    assert offer.available == balance
    voucher = await redeem(installation, programme, asked, of=cart(total=1_999))
    assert (voucher.points, voucher.value) == (points, euros(value))
    assert await spendable(installation, programme) == balance - points


async def test_e07_only_points_that_pay_something_are_charged(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 1_000, value="0.5")
    voucher = await redeem(installation, programme, 333)
    assert (voucher.points, voucher.value) == (332, euros("1.66"))
    other = redeem(installation, programme, 1, of=cart("cart-2"))
    await refused(other, errors.BelowMinimum, installation.db, programme)


@pytest.mark.parametrize(("policy", "value"), [("AT_EARNING", "7.00"), ("CURRENT", "6.00")])
async def test_e08_points_are_worth_what_they_were_at_earning_or_are_today(
    installation: Installation, policy: str, value: str
) -> None:
    programme = await make_programme(installation, {"pointValuePolicy": policy})
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 100, value="5", expires_at=NOW + 90 * DAY)
    settings = programme.settings_at(NOW).changed({"valuePerPoint": "0.04"}, "EUR")
    later = NOW + MINUTE
    await change_settings(installation, programme.id, settings, effective_from=later, now=NOW)
    await give_points(installation, programme, "c-1", 100, value="4", expires_at=NOW + 99 * DAY)
    assert (await redeem(installation, programme, 150, now=later)).value == euros(value)


async def test_e21_what_is_held_for_one_cart_is_not_there_for_another(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    answers = await asyncio.gather(
        *(redeem(installation, programme, 80, of=cart(name)) for name in ("one", "two")), return_exceptions=True
    )
    assert outcomes(answers, Voucher) == 1
    [refusal] = [answer for answer in answers if isinstance(answer, errors.InsufficientPoints)]
    assert (refusal.requested, refusal.available) == (80, 20)


async def test_e21_retries_with_one_key_are_one_hold(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    vouchers = await asyncio.gather(*(redeem(installation, programme, 80, key="once") for _ in range(50)))
    assert len({(voucher.hold_id, voucher.code) for voucher in vouchers}) == 1
    assert await spendable(installation, programme) == 20


async def test_a_key_with_another_input_is_a_conflict(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    await redeem(installation, programme, 80, key="once")
    for change in (
        redeem(installation, programme, 70, key="once"),
        redeem(installation, programme, None, key="once"),
        redeem(installation, programme, 80, of=cart("other"), key="once"),
        redeem(installation, programme, 80, of=cart(total=9_999), key="once"),
    ):
        await refused(change, errors.IdempotencyConflict, installation.db, programme)


async def test_keys_of_different_customers_are_different_keys(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for who in ("ann", "ben"):
        await member_with_points(installation, programme, 100, external_id=who)
    vouchers = [await redeem(installation, programme, 80, key="1", external_id=who) for who in ("ann", "ben")]
    assert vouchers[0].code != vouchers[1].code


async def test_r20_same_cart_same_points_is_the_same_code_and_other_points_replace_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    first = await redeem(installation, programme, 80)
    assert await redeem(installation, programme, 80, now=NOW + MINUTE) == first
    again = cart(voucher_code=first.code.lower())  # the cart carries its own code by now
    second = await redeem(installation, programme, 90, of=again, now=NOW + MINUTE)
    assert second.code != first.code
    assert await spendable(installation, programme, now=NOW + MINUTE) == 10
    states = [await _state(installation, programme, it) for it in (first, second)]
    assert states == ["RELEASED", "HELD"]


async def test_r20_a_cart_with_another_voucher_takes_no_points(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 100)
    await member_with_points(installation, programme, 100, external_id="ben")
    other = await redeem(installation, programme, 10, of=cart("other"))
    bens = await redeem(installation, programme, 10, external_id="ben")  # of a cart with the same id
    carts = [
        cart(shop_vouchers=("SUMMER",)),
        *(cart(voucher_code=code) for code in (other.code, bens.code, "0000-0000-0000", "?")),
    ]
    for refused_cart in carts:
        call = redeem(installation, programme, 10, of=refused_cart)
        await refused(call, errors.CheckoutHasVoucher, installation.db, programme)
        with pytest.raises(errors.CheckoutHasVoucher):
            await redemption.quote(installation, ann, refused_cart, 10, now=NOW)


async def test_a_programme_limits_the_share_of_a_cart_and_asks_for_a_minimum(installation: Installation) -> None:
    limits = {"maximumShareOfCart": 50, "minimumRedemptionPoints": 100}
    programme = await make_programme(installation, limits)
    await member_with_points(installation, programme, 5_000)
    assert (await redeem(installation, programme, None, of=cart(total=2_001))).points == 200
    too_many = redeem(installation, programme, 201, of=cart("two", total=2_001))
    assert (await refused(too_many, errors.ExceedsCart, installation.db, programme)).maximum_points == 200
    too_few = redeem(installation, programme, 99, of=cart("two", total=2_001))
    assert (await refused(too_few, errors.BelowMinimum, installation.db, programme)).minimum_points == 100


async def test_a_programme_may_pay_no_carts_with_points(installation: Installation) -> None:
    programme = await make_programme(installation, {"maximumShareOfCart": 0})
    await member_with_points(installation, programme, 5_000)
    some = redeem(installation, programme, 1)
    assert (await refused(some, errors.ExceedsCart, installation.db, programme)).maximum_points == 0
    await refused(redeem(installation, programme, None), errors.BelowMinimum, installation.db, programme)


async def test_a_quote_changes_nothing_and_asks_as_redeeming_would(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 100)
    before = await everything(installation.db, programme)
    await redemption.quote(installation, ann, cart(), 100, now=NOW)
    with pytest.raises(errors.InsufficientPoints):
        await redemption.quote(installation, ann, cart(), 101, now=NOW)
    assert await everything(installation.db, programme) == before


async def test_e22_a_hold_lives_to_the_exact_instant_whether_or_not_a_job_runs(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 80)
    end = NOW + 15 * MINUTE
    assert voucher.expires_at == end
    assert await spendable(installation, programme, now=end - MOMENT) == 20
    assert await spendable(installation, programme, now=end) == 100


async def test_r19_extending_starts_the_fifteen_minutes_anew_a_limited_number_of_times(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"holdExtensionsMax": 2})
    ann = await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 80)
    assert voucher.extensions_left == 2
    for minute in (10, 20):
        at = NOW + minute * MINUTE
        voucher = await redemption.extend(installation, ann, voucher.hold_id, f"key-{minute}", now=at)
        assert voucher.expires_at == at + 15 * MINUTE
        assert await redemption.extend(installation, ann, voucher.hold_id, f"key-{minute}", now=at) == voucher
    assert (voucher.extensions, voucher.extensions_left) == (2, 0)
    third = redemption.extend(installation, ann, voucher.hold_id, "key-3", now=NOW + 21 * MINUTE)
    await refused(third, errors.ExtensionsExhausted, installation.db, programme)


async def test_what_has_lapsed_is_neither_extended_nor_cancelled(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 80)
    for change in (redemption.extend, redemption.cancel):
        with pytest.raises(errors.RedemptionEnded) as refusal:
            await change(installation, ann, voucher.hold_id, "key", now=NOW + 15 * MINUTE)
        assert refusal.value.state == "LAPSED"


async def test_cancelling_gives_the_points_back_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 80)
    cancelled = await redemption.cancel(installation, ann, voucher.hold_id, "key", now=NOW)
    assert (cancelled.state, cancelled.extensions_left) == ("RELEASED", 0)
    assert await redemption.cancel(installation, ann, voucher.hold_id, "key", now=NOW) == cancelled
    with pytest.raises(errors.RedemptionEnded):
        await redemption.cancel(installation, ann, voucher.hold_id, "other key", now=NOW)
    assert await spendable(installation, programme) == 100


async def test_nobody_touches_another_customers_voucher(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    ben = await member_with_points(installation, programme, 100, external_id="ben")
    voucher = await redeem(installation, programme, 80)
    for change in (redemption.extend, redemption.cancel):
        call = change(installation, ben, voucher.hold_id, "key", now=NOW)
        await refused(call, errors.RedemptionNotFound, installation.db, programme)


async def test_e39_who_may_not_spend_is_told_why(installation: Installation, programme: ProgrammeSnapshot) -> None:
    for who in ("locked", "inactive"):
        await member_with_points(installation, programme, 100, external_id=who)
    await set_redemption_lock(installation, programme.id, "locked", locked=True, now=NOW)
    await set_state(installation, programme.id, "inactive", MemberState.INACTIVE, now=NOW)
    expected = {
        "locked": errors.RedemptionLocked,
        "inactive": errors.MemberInactive,
        "stranger": errors.NotAMember,
    }
    for who, error in expected.items():
        call = redeem(installation, programme, 10, external_id=who)
        await refused(call, error, installation.db, programme)
    await set_redemption_lock(installation, programme.id, "locked", locked=False, now=NOW)
    assert (await redeem(installation, programme, 10, external_id="locked")).points == 10


async def test_e38_while_earning_is_stopped_points_are_spent(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    assert (await redeem(installation, programme, 80)).points == 80


@pytest.mark.parametrize("points", [0, -1, 10**15 + 1, True])
async def test_points_out_of_bounds_are_refused(
    installation: Installation, programme: ProgrammeSnapshot, points: int
) -> None:
    await member_with_points(installation, programme, 100)
    await refused(redeem(installation, programme, points), errors.InvalidInput, installation.db, programme)


async def test_another_currency_and_a_malformed_key_are_refused(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 100)
    foreign = redeem(installation, programme, 10, of=cart(currency="USD"))
    await refused(foreign, errors.CurrencyMismatch, installation.db, programme)
    for key in ("", "k" * 129, "\x00", "\ud800"):
        call = redemption.redeem(installation, ann, Redeem(cart(), 10, key), now=NOW)
        await refused(call, errors.InvalidInput, installation.db, programme)


async def test_a_clock_that_is_ahead_writes_nothing_outside_of_a_sandbox(installation: Installation) -> None:
    programme = await make_programme(installation, sandbox=False)
    await member_with_points(installation, programme, 100)
    call = redeem(installation, programme, 10, now=NOW + timedelta(days=200_000))
    await refused(call, errors.ClockAhead, installation.db, programme)


async def _state(installation: Installation, programme: ProgrammeSnapshot, voucher: Voucher) -> str:
    seen = await redemption.voucher(installation, customer(programme), voucher.code, now=NOW + MINUTE)
    return seen.state
