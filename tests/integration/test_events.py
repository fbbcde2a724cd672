"""Events of which nothing follows but webhooks: once for each cause, not for what is refused or nobody hears."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from pointbook.domain import errors
from pointbook.services import gift_cards, merging, redemption
from pointbook.services.bookings import submit_booking
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards import HoldCard, ReleaseCard, UseCard
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.member_editing import add_external_id, update_member
from pointbook.services.members import MemberState, set_notifications, set_redemption_lock, set_state
from pointbook.services.merging import RequestMerge
from pointbook.services.notices.unsubscribing import unsubscribe, unsubscribe_path
from pointbook.services.returns import apply_parked, submit_return
from pointbook.services.sweeping import book_due
from pointbook.services.webhook_subscriptions import Edit, edit_subscription
from tests.cards import buy_card, member_who_buys, offer_card
from tests.events import names, subscribe, told
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    booking_document,
    cart,
    customer,
    euros,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    redeem,
    refused,
    server,
    topics,
)

QUARTER = 15 * MINUTE


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    """One of whose events somebody wants to hear all."""
    made = await make_programme(installation, {"releaseParkedOnJoin": True})
    await subscribe(installation, made)
    return made


def return_document(external_id: str, **more: Any) -> dict[str, Any]:
    return {
        "externalId": external_id,
        "orderExternalId": "o-1",
        "type": "RETURN",
        "currency": "EUR",
        **more,
    }


async def account_of(installation: Installation, programme: ProgrammeSnapshot, external_id: str = "c-1") -> str:
    return (await installation.accounts.get(programme.id, external_id)).public_id.hex


async def test_what_becomes_of_a_voucher_is_told_once_each(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R19, R20: held, replaced, extended, cancelled; then one that lapses, booked when somebody comes to it."""
    who = await member_with_points(installation, programme, 1_000)
    first = await redeem(installation, programme, 100, key="k")
    assert await redeem(installation, programme, 100, key="k") == first
    assert await redeem(installation, programme, 100) == first, "the same cart and points: the same hold"
    second = await redeem(installation, programme, 200)
    later = NOW + MINUTE
    for _ in range(2):
        await redemption.extend(installation, who, second.hold_id, "e", now=later)
    for _ in range(2):
        await redemption.cancel(installation, who, second.hold_id, "c", now=later + MINUTE)
    third = await redeem(installation, programme, 300, of=cart("cart-2"), now=later + MINUTE)
    for _ in range(2):
        await book_due(installation.db, installation.programmes, now=NOW + DAY)

    account = await account_of(installation, programme)

    def data(voucher: redemption.Voucher, minutes: int) -> dict[str, Any]:
        return {
            "redemption": voucher.hold_id.hex,
            "account": account,
            "points": voucher.points,
            "value": voucher.value.amount,
            "currency": "EUR",
            "expiresAt": (NOW + minutes * MINUTE).isoformat(),
        }

    assert await told(installation, programme, "redemption.", "points.expired") == [
        ("redemption.held", data(first, 15), NOW),
        ("redemption.released", data(first, 15), NOW),
        ("redemption.held", data(second, 15), NOW),
        ("redemption.extended", data(second, 16), later),
        ("redemption.released", data(second, 16), later + MINUTE),
        ("redemption.held", data(third, 17), later + MINUTE),
        ("redemption.lapsed", data(third, 17), NOW + 17 * MINUTE),
    ]


async def test_a_voucher_that_is_captured_is_neither_released_nor_lapsed(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R20, also where less is captured than was held."""
    await member_with_points(installation, programme, 400)
    held = await redeem(installation, programme, 400)
    command = redemption.Capture(held.code, "k", euros("15.00"))
    for _ in range(2):
        await redemption.capture(installation, server(programme), command, now=NOW)
    await book_due(installation.db, installation.programmes, now=NOW + DAY)
    assert await names(installation, programme, "redemption.") == ["redemption.held", "redemption.captured"]


async def test_of_cancel_and_lapse_at_once_exactly_one_is_told(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    who = await member_with_points(installation, programme, 1_000)
    held = [await redeem(installation, programme, 10, of=cart(f"cart-{number}")) for number in range(8)]
    calls = [
        redemption.cancel(installation, who, voucher.hold_id, uuid4().hex, now=NOW + QUARTER - MINUTE)
        for voucher in held
    ]
    sweeps = [book_due(installation.db, installation.programmes, now=NOW + QUARTER) for _ in range(2)]
    await asyncio.gather(*calls[:4], *sweeps, *calls[4:], return_exceptions=True)
    ends = await told(installation, programme, "redemption.released", "redemption.lapsed")
    assert sorted(data["redemption"] for _, data, _ in ends) == sorted(voucher.hold_id.hex for voucher in held)


async def test_nothing_is_told_of_what_was_refused(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    who, db = await member_with_points(installation, programme, 100), installation.db
    held = await redeem(installation, programme, 60)
    await refused(redeem(installation, programme, 50, of=cart("cart-2")), errors.InsufficientPoints, db, programme)
    stranger = redemption.cancel(installation, customer(programme, "c-2"), held.hold_id, "k", now=NOW)
    await refused(stranger, errors.NotAMember, db, programme)
    await redemption.cancel(installation, who, held.hold_id, "k", now=NOW)
    again = redemption.extend(installation, who, held.hold_id, "e", now=NOW)
    await refused(again, errors.RedemptionEnded, db, programme)
    taken = submit_order(installation, programme.id, order_document(currency="USD"), now=NOW)
    await refused(taken, errors.CurrencyMismatch, db, programme)


async def test_points_expire_and_pay_debts_at_their_own_instants_whoever_books_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R18, R26: 40 expire (two lots), 60 in a hold when it lapses; a debt is paid by what becomes available."""
    await join_member(installation, programme)
    ends, later = NOW + 10 * MINUTE, NOW + DAY
    await give_points(installation, programme, "c-1", 70, 30, expires_at=ends)
    await redeem(installation, programme, 60)
    for _ in range(2):
        await book_due(installation.db, installation.programmes, now=NOW + DAY)
    await submit_order(installation, programme.id, order_document(), now=later)
    await redeem(installation, programme, 50, now=later)
    await submit_return(installation, programme.id, return_document("r-1", everything=True), now=later)
    await set_redemption_lock(installation, programme.id, "c-1", locked=True, now=NOW + 2 * DAY)

    account = await account_of(installation, programme)

    def data(seq: int, points: int, at: Any) -> dict[str, Any]:
        return {"account": account, "entry": f"{account}-{seq}", "points": points, "at": at.isoformat()}

    lapse, settled = NOW + QUARTER, later + QUARTER
    assert await told(installation, programme, "points.expired", "points.settled") == [
        ("points.expired", data(4, 40, ends), ends),
        ("points.expired", data(5, 60, lapse), lapse),
        ("points.settled", data(10, 50, settled), settled),
    ]


@pytest.mark.parametrize("way", ["nobody", "another event", "disabled"])
async def test_what_nobody_wants_to_hear_is_not_written(installation: Installation, way: str) -> None:
    programme = await make_programme(installation)
    if way != "nobody":
        made = await subscribe(installation, programme, *(["member.joined"] if way == "another event" else []))
        if way == "disabled":
            switched = Edit(active=False)
            await edit_subscription(installation, server(programme), made.subscription.id, switched, now=NOW)
    await subscribe(installation, await make_programme(installation))  # another programme's hears nothing either
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 100, expires_at=NOW + DAY)
    await redeem(installation, programme, 60)
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    await book_due(installation.db, installation.programmes, now=NOW + 2 * DAY)
    await submit_order(installation, programme.id, order_document(customer_id="c-2"), now=NOW)
    await submit_booking(installation, programme.id, booking_document(customer_id="c-2"), now=NOW)
    assert await topics(installation.db, programme) == ["member.joined"]


async def test_what_changes_of_a_member_is_told_by_the_names_of_the_fields(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """Once each, nothing where nothing changed, and never what the fields hold."""
    await join(installation, programme.id, Join("c-1", "anna@shop.example", opt_in=True), now=NOW)
    path = unsubscribe_path(
        installation, programme.id, (await installation.accounts.get(programme.id, "c-1")).public_id
    )
    link = path.rsplit("/", maxsplit=1)[1]
    for _ in range(2):
        changes = {"email": "bea@shop.example", "emailVerified": True, "locale": "de"}
        await update_member(installation, programme.id, "c-1", changes, by="anna", now=NOW)
        await add_external_id(installation, programme.id, "c-1", "c-9", by="anna", now=NOW)
        await set_redemption_lock(installation, programme.id, "c-1", locked=True, now=NOW)
    for _ in range(2):
        await unsubscribe(installation, link, now=NOW)
    for _ in range(2):
        await set_notifications(installation, programme.id, "c-1", opt_in=True, now=NOW + MINUTE)
    for _ in range(2):
        await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    events = await told(installation, programme, "member.changed")
    assert {data["account"] for _, data, _ in events} == {await account_of(installation, programme)}
    assert [(data["changed"], data["state"], data["redemptionLocked"]) for _, data, _ in events] == [
        (["email", "emailVerified", "locale"], "ACTIVE", False),
        (["externalIds"], "ACTIVE", False),
        (["redemptionLocked"], "ACTIVE", True),
        (["optIn"], "ACTIVE", True),
        (["optIn"], "ACTIVE", True),
        (["state"], "INACTIVE", True),
    ]


async def test_an_opt_in_said_many_times_at_once_is_told_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    said = [set_notifications(installation, programme.id, "c-1", opt_in=True, now=NOW) for _ in range(6)]
    await asyncio.gather(*said)
    assert await names(installation, programme, "member.changed") == ["member.changed"]


async def test_an_order_is_received_and_earns_once_however_often_and_at_once_it_comes(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    document = order_document()
    await asyncio.gather(*(submit_order(installation, programme.id, document, now=NOW) for _ in range(8)))
    account = await account_of(installation, programme)
    assert await told(installation, programme, "order.") == [
        ("order.received", {"order": "o-1", "account": account, "state": "EARNED"}, NOW),
        ("order.earned", {"order": "o-1", "account": account, "points": 50, "occurrence": 1}, NOW),
    ]


async def test_an_order_that_waits_is_told_when_it_earns(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R14: of somebody who joins later, and of a status that does not qualify yet."""
    await submit_order(installation, programme.id, order_document("o-1"), now=NOW)
    await submit_order(installation, programme.id, order_document("o-2", status="OPEN"), now=NOW)
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document("o-2"), now=NOW)
    account = await account_of(installation, programme)
    assert [(event, data) for event, data, _ in await told(installation, programme, "order.")] == [
        ("order.received", {"order": "o-1", "account": None, "state": "PARKED"}),
        ("order.received", {"order": "o-2", "account": None, "state": "PARKED"}),
        ("order.earned", {"order": "o-1", "account": account, "points": 50, "occurrence": 1}),
        ("order.earned", {"order": "o-2", "account": account, "points": 50, "occurrence": 1}),
    ]


async def test_an_order_that_comes_back_is_cancelled_and_is_completed_again(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R23, R28: documents before their order, one that does not fit it, and a second occurrence."""
    await join_member(installation, programme)

    async def back(name: str, **more: Any) -> None:
        for _ in range(2):
            await submit_return(installation, programme.id, return_document(name, **more), now=NOW)

    lines = [{"id": "1", "amount": "20.00"}]
    await back("r-1", lines=lines, returnedAt=(NOW - DAY).isoformat())
    await back("r-9", orderExternalId="o-9", lines=[{"id": "none"}])
    for order in ("o-1", "o-9"):
        await submit_order(installation, programme.id, order_document(order), now=NOW)
    await apply_parked(installation.db, installation.programmes, programme.id, now=NOW)
    cancelled = {"everything": True, "returnedAt": (NOW - MINUTE).isoformat()}
    await back("r-2", type="CANCELLATION", **cancelled)
    completed = order_document(statusAt=NOW.isoformat())
    for _ in range(2):
        await submit_order(installation, programme.id, completed, now=NOW)

    whose = {"account": await account_of(installation, programme), "order": "o-1"}
    events = await told(installation, programme, "order.returned", "order.cancelled", "order.renewed", "return.")
    assert [(event, data) for event, data, _ in events] == [
        ("return.parked", {"return": "r-1", "order": "o-1"}),
        ("return.parked", {"return": "r-9", "order": "o-9"}),
        ("order.returned", {**whose, "return": "r-1", "returned": "PART", "occurrence": 1}),
        ("return.refused", {"return": "r-9", "order": "o-9", "code": "INVALID_INPUT"}),
        ("order.returned", {**whose, "return": "r-2", "returned": "CANCELLED", "occurrence": 1}),
        ("order.cancelled", {**whose, "occurrence": 1}),
        ("order.renewed", {**whose, "occurrence": 2}),
    ]
    earned = [data for _, data, _ in await told(installation, programme, "order.earned") if data["order"] == "o-1"]
    assert [(data["occurrence"], data["points"]) for data in earned] == [(1, 50), (2, 50)]


async def test_an_import_that_completes_an_order_again_tells_nothing_of_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    cancelled = return_document("r-1", type="CANCELLATION", everything=True, returnedAt=(NOW - MINUTE).isoformat())
    await submit_return(installation, programme.id, cancelled, now=NOW)
    before = await told(installation, programme, "")
    again = await submit_order(
        installation, programme.id, order_document(statusAt=NOW.isoformat()), tells=False, now=NOW
    )
    assert again.points == 50
    assert await told(installation, programme, "") == before


async def test_a_booking_is_told_as_it_stands_whenever_that_changes(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R13: reported before its customer joined, then cancelled."""
    await submit_booking(installation, programme.id, booking_document(), now=NOW)
    await join_member(installation, programme)
    for status in ("BOOKED", "CANCELLED", "CANCELLED"):
        await submit_booking(installation, programme.id, booking_document(status=status), now=NOW)
    account = await account_of(installation, programme)
    events = [data for _, data, _ in await told(installation, programme, "booking.")]
    assert [(data["status"], data["state"], data["account"]) for data in events] == [
        ("BOOKED", "PARKED", None),
        ("BOOKED", "EARNED", account),
        ("CANCELLED", "VOID", account),
    ]
    assert [data["availableFrom"] for data in events] == [None, (NOW + timedelta(hours=5)).isoformat(), None]


async def test_what_becomes_of_a_gift_cards_money_is_told_once_each(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """R29: set aside and given back, set aside and used in part, set aside until it lapses; then the card ends."""
    await offer_card(installation, programme, validityDays=1)
    await member_who_buys(installation, programme)
    card, till = (await buy_card(installation, programme)).card, server(programme)

    async def hold(amount: str) -> gift_cards.CardHold:
        command = HoldCard(card.code, uuid4().hex, euros(amount))
        return await gift_cards.hold(installation, till, command, now=NOW)

    first = await hold("20.00")
    for _ in range(2):
        await gift_cards.release(installation, till, ReleaseCard(card.code, "r", first.hold_id), now=NOW)
    second = await hold("20.00")
    await gift_cards.use(
        installation, till, UseCard(card.code, "u", euros("5.00"), hold_id=second.hold_id), now=NOW
    )
    third = await hold("10.00")
    ends = card.expires_at
    assert ends is not None
    for _ in range(2):
        await book_due(installation.db, installation.programmes, now=ends + DAY)
    lapses = third.expires_at
    names_of = {"giftCard": card.card_id.hex}
    assert await told(
        installation, programme, "gift_card.held", "gift_card.rel", "gift_card.lapsed", "gift_card.exp"
    ) == [
        (
            f"gift_card.{event}",
            {**names_of, "hold": held.hold_id.hex, "amount": amount, "expiresAt": lapses.isoformat()},
            at,
        )
        for event, held, amount, at in (
            ("held", first, 2_000, NOW),
            ("released", first, 2_000, NOW),
            ("held", second, 2_000, NOW),
            ("held", third, 1_000, NOW),
            ("lapsed", third, 1_000, lapses),
        )
    ] + [("gift_card.expired", {**names_of, "amount": 4_500, "at": ends.isoformat()}, ends)]


async def test_a_merge_request_is_cancelled_once(installation: Installation, programme: ProgrammeSnapshot) -> None:
    who = await member_with_points(installation, programme, 1)
    command = RequestMerge("bea@shop.example", "k")
    request = await merging.request_merge(installation, who, command, now=NOW)
    for _ in range(2):
        await merging.cancel(installation, who, request.id, now=NOW)
    account = await account_of(installation, programme)
    assert await told(installation, programme, "merge.cancelled") == [
        ("merge.cancelled", {"mergeRequest": request.id.hex, "account": account}, NOW)
    ]
