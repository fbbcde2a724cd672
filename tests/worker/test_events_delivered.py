"""Events of every family, from what caused them to the receiver."""

from pointbook.domain.money import Money
from pointbook.services import gift_cards, merging
from pointbook.services.bookings import submit_booking
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards import HoldCard
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.members import set_redemption_lock
from pointbook.services.merging import RequestMerge
from pointbook.services.returns import submit_return
from pointbook.services.sweeping import book_due
from tests.cards import buy_card, member_who_buys, offer_card
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    booking_document,
    customer,
    give_points,
    order_document,
    redeem,
    server,
)
from tests.worker.hook_receiver import receiving
from tests.worker.webhooks import happen, installation, programme, send, subscribe

__all__ = ["installation", "programme"]


async def test_events_of_every_family_reach_who_asked_for_them(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """Also what the clock causes, with the instant at which it was due."""
    wanted = (
        *("redemption.held", "redemption.lapsed", "points.expired", "gift_card.held", "member.changed"),
        *("order.earned", "return.parked", "booking.changed", "merge.cancelled"),
    )
    shop, who, ends = server(programme), customer(programme), NOW + 5 * MINUTE
    async with receiving() as receiver:
        made = await subscribe(installation, programme, receiver, *wanted)
        await offer_card(installation, programme)
        await member_who_buys(installation, programme)
        card = (await buy_card(installation, programme)).card
        await gift_cards.hold(installation, shop, HoldCard(card.code, "k", Money(2_000, "EUR")), now=NOW)
        await give_points(installation, programme, "c-1", 40, expires_at=ends)
        await redeem(installation, programme, 40)
        await submit_order(installation, programme.id, order_document(), now=NOW)
        back = {"externalId": "r-9", "orderExternalId": "o-9", "type": "RETURN", "currency": "EUR"}
        await submit_return(installation, programme.id, {**back, "everything": True}, now=NOW)
        await submit_booking(installation, programme.id, booking_document(), now=NOW)
        request = await merging.request_merge(installation, who, RequestMerge("b@shop.example", "k"), now=NOW)
        await merging.cancel(installation, who, request.id, now=NOW)
        await set_redemption_lock(installation, programme.id, "c-1", locked=True, now=NOW)
        await book_due(installation.db, installation.programmes, now=NOW + DAY)
        await happen(installation, programme)
        for _ in wanted:
            await send(installation)
    bodies = {got.json["type"]: got.json for got in receiver.got}
    assert sorted(got.json["type"] for got in receiver.got) == sorted(wanted)
    assert all(got.is_signed_with(made.secret) for got in receiver.got)
    lapsed, expired = bodies["redemption.lapsed"], bodies["points.expired"]
    account = (await installation.accounts.get(programme.id, "c-1")).public_id.hex
    assert lapsed == {
        "type": "redemption.lapsed",
        "timestamp": "2026-03-01T09:15:00Z",
        "data": {
            "redemption": bodies["redemption.held"]["data"]["redemption"],
            "account": account,
            "points": 40,
            "value": 200,
            "currency": "EUR",
            "expiresAt": "2026-03-01T09:15:00+00:00",
        },
    }
    assert (expired["timestamp"], expired["data"]["points"]) == (lapsed["timestamp"], 40)
