"""Vouchers are captured: by the shop's call, by the order that carries the code, or not at all."""

import asyncio
from datetime import timedelta

import pytest

from pointbook.db import retry
from pointbook.domain import errors
from pointbook.domain.money import Money
from pointbook.services import redemption
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import SubmittedOrder, submit_order
from pointbook.services.redemption import Capture, Voucher
from tests.support import (
    DAY,
    MINUTE,
    MOMENT,
    NOW,
    cart,
    euros,
    everything,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    outbox,
    outcomes,
    redeem,
    refused,
    server,
    spendable,
    topics,
)


async def test_e24_an_order_with_a_voucher_captures_it_and_earns_on_the_money_part(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"basePointsPerOrder": 10})
    await member_with_points(installation, programme, 600)
    voucher = await redeem(installation, programme, 600)
    document = order_document(amount="80.00", voucherCode=voucher.code.lower())
    answer = await submit_order(installation, programme.id, document, now=NOW)
    assert (answer.redeemed, answer.points) == (euros("30.00"), 60)
    assert await spendable(installation, programme) == 60
    captured = {"redemption": voucher.hold_id.hex, "points": 600, "value": 3_000, "currency": "EUR"}
    assert ("redemption.captured", captured) in await outbox(installation.db, programme)
    assert (await submit_order(installation, programme.id, document, now=NOW + DAY)).replayed


async def test_e41_an_order_that_is_worth_less_gives_the_rest_back(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    document = order_document(amount="15.00", voucherCode=voucher.code)
    answer = await submit_order(installation, programme.id, document, now=NOW)
    assert (answer.redeemed, answer.points) == (euros("15.00"), 0)
    assert await spendable(installation, programme) == 100


async def test_a_voucher_is_captured_when_its_order_arrives_whatever_the_status(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    code = voucher.code
    first = await submit_order(installation, programme.id, order_document(status="NEW", voucherCode=code), now=NOW)
    assert (first.outcome, first.redeemed) == ("RECEIVED", euros("20.00"))
    later = await submit_order(installation, programme.id, order_document(voucherCode=code), now=NOW + DAY)
    assert (later.outcome, later.points, later.redeemed) == ("EARNED", 30, euros("20.00"))
    assert (await topics(installation.db, programme)).count("redemption.captured") == 1


async def test_a_captured_voucher_stays_with_its_order(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    first = await redeem(installation, programme, 200)
    other = await redeem(installation, programme, 100, of=cart("other"))
    await submit_order(installation, programme.id, order_document(status="NEW", voucherCode=first.code), now=NOW)
    changed = submit_order(
        installation, programme.id, order_document(status="NEW", voucherCode=other.code), now=NOW
    )
    await refused(changed, errors.OrderConflict, installation.db, programme)
    cheaper = submit_order(installation, programme.id, order_document(amount="9.99", status="NEW"), now=NOW)
    await refused(cheaper, errors.OrderConflict, installation.db, programme)
    answer = await submit_order(installation, programme.id, order_document(amount="60.00"), now=NOW)
    assert (answer.redeemed, answer.points) == (euros("10.00"), 50)


async def test_e22_the_last_microsecond_of_a_voucher_counts_and_the_next_does_not(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 200)
    vouchers = [await redeem(installation, programme, 80, of=cart(name)) for name in ("one", "two")]
    end = NOW + 15 * MINUTE
    on_time = order_document("o-1", voucherCode=vouchers[0].code)
    late = order_document("o-2", voucherCode=vouchers[1].code)
    assert (await submit_order(installation, programme.id, on_time, now=end - MOMENT)).redeemed == euros("4.00")
    call = submit_order(installation, programme.id, late, now=end)
    await refused(call, errors.VoucherNotUsable, installation.db, programme)
    assert await spendable(installation, programme, now=end) == 120 + 46


async def test_r22_every_code_that_cannot_be_used_gets_one_answer(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 500)
    elsewhere = await make_programme(installation)
    await member_with_points(installation, elsewhere, 100)
    used, cancelled, lapsed = [
        await redeem(installation, programme, 50, of=cart(name)) for name in ("used", "cancelled", "lapsed")
    ]
    foreign = await redeem(installation, elsewhere, 50, now=NOW + 14 * MINUTE)
    await submit_order(installation, programme.id, order_document("o-0", voucherCode=used.code), now=NOW)
    await redemption.cancel(installation, ann, cancelled.hold_id, "key", now=NOW)
    messages = set()
    for code in (used.code, cancelled.code, lapsed.code, foreign.code, "0000-0000-0000", "nonsense"):
        call = submit_order(installation, programme.id, order_document(voucherCode=code), now=NOW + 15 * MINUTE)
        messages.add(str(await refused(call, errors.VoucherNotUsable, installation.db, programme)))
    assert len(messages) == 1


async def test_a_voucher_buys_once_however_many_orders_carry_it_at_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    documents = [order_document(f"o-{number}", voucherCode=voucher.code) for number in range(10)]
    answers = await asyncio.gather(
        *(submit_order(installation, programme.id, document, now=NOW) for document in documents),
        return_exceptions=True,
    )
    assert outcomes(answers, SubmittedOrder) == 1
    assert outcomes(answers, errors.VoucherNotUsable) == 9
    assert await spendable(installation, programme) == 30


async def test_one_order_with_a_voucher_delivered_many_times_at_once_captures_it_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    document = order_document(voucherCode=voucher.code)
    answers = await asyncio.gather(
        *(submit_order(installation, programme.id, document, now=NOW) for _ in range(10))
    )
    assert {(answer.points, answer.redeemed.decimal) for answer in answers} == {(30, "20.00")}
    assert (await topics(installation.db, programme)).count("redemption.captured") == 1


async def test_vouchers_of_each_other_do_not_deadlock(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for who in ("ann", "ben"):
        await member_with_points(installation, programme, 1_000, external_id=who)
    documents = []
    for number in range(10):
        for buyer, holder in (("ann", "ben"), ("ben", "ann")):
            name = f"{buyer}-{number}"
            voucher = await redeem(installation, programme, 20, of=cart(name), external_id=holder)
            documents.append(order_document(name, "2.00", customer_id=buyer, voucherCode=voucher.code))
    await asyncio.gather(*(submit_order(installation, programme.id, it, now=NOW) for it in documents))
    for who in ("ann", "ben"):
        assert await spendable(installation, programme, who) == 1_000 - 200 + 10


async def test_an_order_of_somebody_unknown_captures_its_voucher_and_earns_on_the_rest_after_joining(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    await member_with_points(installation, programme, 400, external_id="giver")
    voucher = await redeem(installation, programme, 400, external_id="giver")
    document = order_document(voucherCode=voucher.code)
    answer = await submit_order(installation, programme.id, document, now=NOW)
    assert (answer.outcome, answer.redeemed) == ("PARKED", euros("20.00"))
    await join_member(installation, programme)
    assert await spendable(installation, programme) == 30


async def test_a_call_captures_once_and_answers_alike(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    command = Capture(voucher.code, "key", amount=euros("15.00"), order="o-1", purchased_at=NOW - DAY)
    first = await redemption.capture(installation, server(programme), command, now=NOW)
    assert (first.state, first.captured_points, first.captured_value) == ("CAPTURED", 300, euros("15.00"))
    before = await everything(installation.db, programme)
    assert await redemption.capture(installation, server(programme), command, now=NOW + DAY) == first
    assert await everything(installation.db, programme) == before
    assert await spendable(installation, programme) == 100
    assert (await topics(installation.db, programme)).count("redemption.captured") == 1


async def test_captures_at_once_with_and_without_their_order_are_one(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    command = Capture(voucher.code, "key", order="o-1")
    document = order_document(voucherCode=voucher.code)
    answers = await asyncio.gather(
        *(redemption.capture(installation, server(programme), command, now=NOW) for _ in range(5)),
        *(submit_order(installation, programme.id, document, now=NOW) for _ in range(5)),
        return_exceptions=True,
    )
    assert outcomes(answers, SubmittedOrder) == 5
    assert 5 in (outcomes(answers, Voucher), outcomes(answers, errors.RedemptionEnded))  # whoever came first
    assert await spendable(installation, programme) == 30
    assert (await topics(installation.db, programme)).count("redemption.captured") == 1


@pytest.mark.parametrize("names_order", [True, False])
@pytest.mark.parametrize("carries_code", [True, False])
async def test_an_order_counts_what_a_call_has_captured_for_it(
    installation: Installation, programme: ProgrammeSnapshot, *, names_order: bool, carries_code: bool
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    command = Capture(voucher.code, "key", order="o-1" if names_order else None)
    await redemption.capture(installation, server(programme), command, now=NOW)
    document = order_document(**({"voucherCode": voucher.code} if carries_code else {}))
    answer = await submit_order(installation, programme.id, document, now=NOW)
    known = names_order or carries_code
    assert (answer.redeemed, answer.points) == ((euros("20.00"), 30) if known else (euros("0"), 50))
    second = order_document("o-2", voucherCode=voucher.code)
    if known:
        call = submit_order(installation, programme.id, second, now=NOW)
        await refused(call, errors.VoucherNotUsable, installation.db, programme)


async def test_a_voucher_captured_for_one_order_is_not_for_another_even_before_that_one_came(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    command = Capture(voucher.code, "key", order="o-9")
    await redemption.capture(installation, server(programme), command, now=NOW)
    other = submit_order(installation, programme.id, order_document(voucherCode=voucher.code), now=NOW)
    await refused(other, errors.VoucherNotUsable, installation.db, programme)


async def test_orders_and_captures_for_them_at_once_lock_in_one_order(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_TRIES", 1)  # a deadlock is an error here, not another try
    await member_with_points(installation, programme, 2_000)
    earned = 0
    for number in range(15):
        name = f"o-{number}"
        voucher = await redeem(installation, programme, 20, of=cart(name))
        await submit_order(installation, programme.id, order_document(name, status="NEW"), now=NOW)
        command = Capture(voucher.code, name, order=name)
        capture, *orders = await asyncio.gather(
            redemption.capture(installation, server(programme), command, now=NOW),
            *(submit_order(installation, programme.id, order_document(name), now=NOW) for _ in range(3)),
            return_exceptions=True,
        )
        assert isinstance(capture, Voucher | errors.OrderConflict), capture
        assert {type(order) for order in orders} == {SubmittedOrder}, orders
        earned += 49 if isinstance(capture, Voucher) else 50
    assert await spendable(installation, programme) == 2_000 + earned - 15 * 20  # captured, or held still


async def test_a_call_for_an_order_that_waits_is_noted_on_it_and_takes_no_more_than_its_total(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    await submit_order(installation, programme.id, order_document(amount="15.00", status="NEW"), now=NOW)
    command = Capture(voucher.code, "key", order="o-1")
    captured = await redemption.capture(installation, server(programme), command, now=NOW)
    assert captured.captured_value == euros("15.00")
    answer = await submit_order(installation, programme.id, order_document(amount="15.00"), now=NOW)
    assert (answer.redeemed, answer.points) == (euros("15.00"), 0)


async def test_a_call_for_an_order_that_has_earned_without_the_voucher_is_a_conflict(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    command = Capture(voucher.code, "key", order="o-1")
    call = redemption.capture(installation, server(programme), command, now=NOW)
    await refused(call, errors.OrderConflict, installation.db, programme)


async def test_refused_captures_change_nothing(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    code, db = voucher.code, installation.db
    future, old = NOW + MINUTE, NOW - timedelta(days=7) - MOMENT
    for command, error in (
        (Capture("0000-0000-0000", "key"), errors.VoucherNotUsable),
        (Capture("?", "key"), errors.VoucherNotUsable),
        (Capture(code, "key", amount=euros("0.04")), errors.BelowMinimum),
        (Capture(code, "key", amount=euros("0")), errors.BelowMinimum),
        (Capture(code, "key", amount=Money(100, "USD")), errors.CurrencyMismatch),
        (Capture(code, "key", purchased_at=future), errors.InvalidInput),
        (Capture(code, "key", purchased_at=old), errors.InvalidInput),
        (Capture(code, ""), errors.InvalidInput),
        (Capture(code, "key", order="\x00"), errors.InvalidInput),
    ):
        call = redemption.capture(installation, server(programme), command, now=NOW)
        await refused(call, error, db, programme)
    with pytest.raises(errors.RedemptionEnded) as ended:
        await redemption.capture(installation, server(programme), Capture(code, "key"), now=voucher.expires_at)
    assert ended.value.state == "LAPSED"


async def test_a_server_releases_a_voucher_once(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    shop = server(programme)
    released = await redemption.release(installation, shop, voucher.code, "key", now=NOW)
    assert released.state == "RELEASED"
    assert await redemption.release(installation, shop, voucher.code, "key", now=NOW) == released
    with pytest.raises(errors.RedemptionEnded):
        await redemption.release(installation, shop, voucher.code, "other", now=NOW)
    with pytest.raises(errors.VoucherNotUsable):
        await redemption.release(installation, shop, "0000-0000-0000", "key", now=NOW)
    assert await spendable(installation, programme) == 400


async def test_a_server_reads_what_a_code_stands_for(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    elsewhere = await make_programme(installation)
    made = await redeem(installation, programme, 400)
    shop = server(programme)
    assert await redemption.voucher(installation, shop, made.code.lower(), now=NOW) == made
    seen = await redemption.voucher(installation, shop, made.code, now=made.expires_at)
    assert (seen.state, seen.ended_at) == ("LAPSED", made.expires_at)
    for principal, code in ((server(elsewhere), made.code), (shop, "0000-0000-0000")):
        with pytest.raises(errors.VoucherNotUsable):
            await redemption.voucher(installation, principal, code, now=NOW)


async def test_e40_points_that_are_held_outlive_their_expiry_until_the_hold_ends(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    midnight = NOW + timedelta(hours=14)
    for who in ("ann", "ben"):
        await join_member(installation, programme, who)
        await give_points(installation, programme, who, 100, expires_at=midnight)
    made = {
        who: await redeem(installation, programme, 60, external_id=who, now=midnight - 5 * MINUTE)
        for who in ("ann", "ben")
    }
    command = Capture(made["ann"].code, "key")
    captured = await redemption.capture(installation, server(programme), command, now=midnight + 5 * MINUTE)
    assert captured.captured_points == 60
    for who in ("ann", "ben"):
        assert await spendable(installation, programme, who, now=midnight + 10 * MINUTE) == 0
