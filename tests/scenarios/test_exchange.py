"""R30 and E35 through the API: points are exchanged for products; the staff say what became of it."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services.audit import Action, Wanted, list_entries
from pointbook.services.directory import ProgrammeState
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import everything, give_points, outbox, topics

MUG, BAG = {"sku": "mug", "quantity": 2, "pricePoints": 150}, {"sku": "bag", "quantity": 1, "pricePoints": 40}
BOOKS = ("exchange_order", "audit_entry", "outbox_message")
"""What a decision writes; of all else it leaves everything as it is."""


async def selling(opened: OpenShop, points: int = 400, **settings: Any) -> Shop:
    """Mugs for 150 points and a fee, ten of them, and bags for 40 that nobody counts; a member with points."""
    shop = await opened("2026-03-01 12:00", **settings)
    await shop.sell("mug", 150, stock=10, fee="0.10")
    await shop.sell("bag", 40)
    await shop.join()
    end = at("2027-01-01")
    await give_points(shop.installation, shop.programme, "c-1", points, expires_at=end, now=shop.clock())
    return shop


def ended(answers: list[dict[str, Any]]) -> Counter[str]:
    """How many of the answers are which refusal, or stand how."""
    return Counter(answer.get("code") or answer["state"] for answer in answers)


async def spendable(shop: Shop, customer: str = "c-1") -> int:
    found: int = (await shop.balance(customer))["spendable"]
    return found


async def test_e35_an_exchange_is_placed_decided_and_cancelled(opened: OpenShop) -> None:
    shop = await selling(opened)
    lots = await shop.me("expiringPoints(days: 365) { points lastDay }")
    assert lots["expiringPoints"] == [{"points": 400, "lastDay": "2027-01-01"}]
    order = await shop.exchange(MUG, BAG, note="Room 7,\nsecond floor")
    assert (order["state"], order["points"], order["fee"]) == (
        "SUBMITTED",
        340,
        {"amount": "0.20", "currency": "EUR"},
    )
    assert [(line["sku"], line["quantity"], line["points"]) for line in order["lines"]] == [
        ("mug", 2, 300),
        ("bag", 1, 40),
    ]
    assert (order["deliveryNote"], order["customerExternalIds"]) == ("Room 7,\nsecond floor", ["c-1"])
    assert (await spendable(shop), await shop.stock("mug"), await shop.stock("bag")) == (60, 8, None)
    told = {"order": order["id"], "account": order["memberId"], "points": 340}
    assert (await outbox(shop.installation.db, shop.programme))[-1] == ("exchange.placed", told)

    before = await everything(shop.installation.db, shop.programme, but=BOOKS)
    shop.clock.now = at("2026-03-02 09:00")
    yes = await shop.decide("setExchanged", order["id"], exchanged=True)
    assert (yes["state"], yes["exchangedAt"]) == ("EXCHANGED", "2026-03-02T09:00:00Z")
    assert await spendable(shop) == 60
    refused = await shop.decide("cancelExchangeOrder", order["id"])
    assert (refused["code"], refused["state"]) == ("EXCHANGE_ORDER_DECIDED", "EXCHANGED")
    no = await shop.decide("setExchanged", order["id"], exchanged=False)
    assert (no["state"], no["exchangedAt"]) == ("SUBMITTED", None)
    assert await everything(shop.installation.db, shop.programme, but=BOOKS) == before

    cancelled = await shop.decide("cancelExchangeOrder", order["id"])
    assert (cancelled["state"], cancelled["cancelledAt"]) == ("CANCELLED", "2026-03-02T09:00:00Z")
    assert (await spendable(shop), await shop.stock("mug"), await shop.stock("bag")) == (400, 10, None)
    assert await shop.me("expiringPoints(days: 365) { points lastDay }") == lots
    assert await shop.decide("cancelExchangeOrder", order["id"]) == cancelled
    assert (await shop.decide("setExchanged", order["id"], exchanged=True))["state"] == "CANCELLED"


async def test_r30_the_history_names_the_exchange_and_no_order_comes_of_it(opened: OpenShop) -> None:
    shop = await selling(opened)
    order = await shop.exchange(BAG)
    await shop.decide("cancelExchangeOrder", order["id"])
    history = (await shop.me("history(first: 2) { nodes { id kind points sourceType sourceId } }"))["history"]
    assert [(it["kind"], it["points"], it["sourceType"], it["sourceId"]) for it in history["nodes"]] == [
        ("GIVE_BACK", 40, "exchange_order", order["id"]),
        ("SPEND", -40, "exchange_order", order["id"]),
    ]
    assert history["nodes"][1]["id"] == order["entry"]
    assert (await shop.staff("{ orders { nodes { externalId } } }"))["orders"]["nodes"] == []


async def test_r30_deciding_is_told_to_endpoints_and_in_the_audit_once(opened: OpenShop) -> None:
    shop = await selling(opened)
    order = (await shop.exchange(BAG))["id"]
    for exchanged in (True, True, False, False):
        await shop.decide("setExchanged", order, exchanged=exchanged)
    await shop.decide("cancelExchangeOrder", order)
    await shop.decide("cancelExchangeOrder", order)
    messages = await outbox(shop.installation.db, shop.programme)
    assert [payload for topic, payload in messages if topic == "exchange.changed"] == [
        {"order": order, "state": state} for state in ("EXCHANGED", "SUBMITTED", "CANCELLED")
    ]
    entries = await list_entries(
        shop.installation, shop.programme.id, first=9, wanted=Wanted(f"exchange order {order}")
    )
    assert [(it.change.action, it.change.after) for it in entries] == [
        (Action.EXCHANGE_DECIDED, {"state": state}) for state in ("CANCELLED", "SUBMITTED", "EXCHANGED")
    ]


async def test_r27_points_of_an_expired_lot_come_back_for_the_grace_period(opened: OpenShop) -> None:
    shop = await opened("2026-05-20 12:00")
    await shop.sell("bag", 40)
    await shop.join()
    end = at("2026-06-01")
    await give_points(shop.installation, shop.programme, "c-1", 40, expires_at=end, now=shop.clock())
    order = await shop.exchange(BAG)
    shop.clock.now = at("2026-06-10 12:00")
    assert await spendable(shop) == 0
    await shop.decide("cancelExchangeOrder", order["id"])
    [batch] = (await shop.me("expiringPoints(days: 365) { points lastDay }"))["expiringPoints"]
    assert batch == {"points": 40, "lastDay": "2026-07-10"}


async def test_r30_a_member_sees_the_own_orders_only_newest_first(opened: OpenShop) -> None:
    shop = await selling(opened)
    await shop.join("c-2")
    await give_points(shop.installation, shop.programme, "c-2", 100, now=shop.clock())
    other = await shop.exchange(BAG, customer="c-2")
    orders = []
    for day in range(1, 4):
        shop.clock.now = at(f"2026-03-0{day} 13:00")
        orders.append((await shop.exchange(BAG))["id"])
    await shop.decide("setExchanged", orders[0], exchanged=True)
    page = "exchangeOrders(first: 2) { nodes { id state exchangedAt } pageInfo { hasNextPage endCursor } }"
    first = (await shop.me(page))["exchangeOrders"]
    assert [order["id"] for order in first["nodes"]] == orders[:0:-1]
    following = page.replace("first: 2", f'first: 2, after: "{first["pageInfo"]["endCursor"]}"')
    second = (await shop.me(following))["exchangeOrders"]
    assert [(order["id"], order["state"]) for order in second["nodes"]] == [(orders[0], "EXCHANGED")]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    [seen] = (await shop.me("exchangeOrders { nodes { id } }", "c-2"))["exchangeOrders"]["nodes"]
    assert seen["id"] == other["id"]


async def test_r30_staff_find_orders_by_state_time_and_customer(opened: OpenShop) -> None:
    shop = await selling(opened)
    await shop.join("c-2")
    await give_points(shop.installation, shop.programme, "c-2", 100, now=shop.clock())
    ids = {}
    for name, day, customer in (("a", 1, "c-1"), ("b", 2, "c-2"), ("c", 3, "c-1")):
        shop.clock.now = at(f"2026-03-0{day} 13:00")
        ids[(await shop.exchange(BAG, customer=customer))["id"]] = name
    by_name = {name: order for order, name in ids.items()}
    await shop.decide("setExchanged", by_name["a"], exchanged=True)
    await shop.decide("cancelExchangeOrder", by_name["c"])

    async def found(**arguments: Any) -> str:
        return "".join(ids[order["id"]] for order in (await shop.exchanges(**arguments))["nodes"])

    assert await found() == "cba"
    assert await found(sort="OLDEST") == "abc"
    for state, names in (("SUBMITTED", "b"), ("EXCHANGED", "a"), ("CANCELLED", "c")):
        assert await found(filter={"state": state}) == names
    assert await found(filter={"placedFrom": "2026-03-02T13:00:00Z", "placedTo": "2026-03-03T13:00:00Z"}) == "b"
    assert await found(filter={"customerExternalId": "c-1"}) == "ca"
    assert await found(filter={"customerExternalId": "nobody"}) == ""
    first = await shop.exchanges(sort="OLDEST", first=2)
    assert [ids[order["id"]] for order in first["nodes"]] == ["a", "b"]
    assert await found(sort="OLDEST", after=first["pageInfo"]["endCursor"]) == "c"
    one = await shop.staff(f'{{ exchangeOrder(id: "{by_name["b"]}") {{ id customerExternalIds points }} }}')
    assert one["exchangeOrder"] == {"id": by_name["b"], "customerExternalIds": ["c-2"], "points": 40}
    for unknown in ("x", "0" * 32):
        assert (await shop.staff(f'{{ exchangeOrder(id: "{unknown}") {{ id }} }}'))["exchangeOrder"] is None
        for mutation, more in (("setExchanged", {"exchanged": True}), ("cancelExchangeOrder", {})):
            assert (await shop.decide(mutation, unknown, **more))["code"] == "EXCHANGE_ORDER_NOT_FOUND"


# --- what is refused ---------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = [
    ({}, [{**MUG, "sku": "cup"}], {"code": "NOT_IN_CATALOGUE", "sku": "cup"}),
    ({}, [{**MUG, "sku": "off"}], {"code": "NOT_IN_CATALOGUE", "sku": "off"}),
    ({}, [BAG, {**MUG, "pricePoints": 149}], {"code": "PRICE_CHANGED", "pricePoints": 150, "fee": "0.10"}),
    ({}, [{**MUG, "fee": "0.05"}], {"code": "PRICE_CHANGED", "pricePoints": 150, "fee": "0.10"}),
    ({}, [{**MUG, "quantity": 11}], {"code": "SOLD_OUT", "left": 10}),
    ({}, [{**MUG, "quantity": 3}], {"code": "INSUFFICIENT_POINTS", "requested": 450, "available": 400}),
    ({"exchangeMinimumPoints": 41}, [BAG], {"code": "BELOW_MINIMUM", "minimumPoints": 41}),
    (
        {"exchangePointsMax": 39},
        [BAG],
        {"code": "EXCHANGE_LIMIT", "limit": "POINTS_PER_ORDER", "maximum": 39, "item": None},
    ),
    (
        {"exchangeUnitsMax": 2},
        [MUG, BAG],
        {"code": "EXCHANGE_LIMIT", "limit": "UNITS_PER_ORDER", "maximum": 2, "item": None},
    ),
    (
        {},
        [{"sku": "few", "quantity": 3, "pricePoints": 1}],
        {"code": "EXCHANGE_LIMIT", "limit": "ITEM_PER_ORDER", "maximum": 2, "item": "few"},
    ),
    ({}, [], {"code": "INVALID_INPUT", "field": "lines"}),
    ({}, [BAG, MUG, BAG], {"code": "INVALID_INPUT", "field": "lines[2].sku"}),
    ({}, [{**BAG, "quantity": 0}], {"code": "INVALID_INPUT", "field": "lines[0].quantity"}),
    ({}, [BAG, {**MUG, "quantity": 1_001}], {"code": "INVALID_INPUT", "field": "lines[1].quantity"}),
    ({}, [{**BAG, "pricePoints": 0}], {"code": "INVALID_INPUT", "field": "lines[0].pricePoints"}),
    ({}, [{**BAG, "sku": ""}], {"code": "INVALID_INPUT", "field": "lines[0].sku"}),
    ({}, [{**BAG, "fee": "0.001"}], {"code": "INVALID_INPUT", "field": "lines[0].fee"}),
    ({}, [{**BAG, "sku": str(n)} for n in range(51)], {"code": "INVALID_INPUT", "field": "lines"}),
]


@pytest.mark.parametrize(("settings", "lines", "expected"), REFUSED, ids=lambda value: str(value)[:40])
async def test_r30_a_refused_exchange_changes_nothing(
    opened: OpenShop, settings: dict[str, Any], lines: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    shop = await selling(opened, **settings)
    await shop.sell("off", 150, active=False)
    await shop.sell("few", 1, maxPerOrder=2)
    before = await everything(shop.installation.db, shop.programme)
    answer = await shop.exchange(*lines)
    assert {name: answer.get(name) for name in expected} == expected
    assert await everything(shop.installation.db, shop.programme) == before


async def test_r30_a_note_is_free_text_within_bounds(opened: OpenShop) -> None:
    shop = await selling(opened)
    for note in ("x" * 1_001, "  "):
        assert (await shop.exchange(BAG, note=note))["field"] == "deliveryNote"
    assert (await shop.exchange(BAG, note="x" * 1_000))["state"] == "SUBMITTED"
    assert (await shop.exchange(BAG, key=""))["field"] == "idempotencyKey"


async def test_r30_pieces_of_a_member_count_until_they_are_cancelled(opened: OpenShop) -> None:
    shop = await selling(opened)
    await shop.sell("pen", 5, maxPerMember=3)
    pens = {"sku": "pen", "quantity": 2, "pricePoints": 5}
    first = await shop.exchange(pens)
    refused = await shop.exchange(pens)
    assert (refused["code"], refused["limit"], refused["maximum"]) == ("EXCHANGE_LIMIT", "ITEM_PER_MEMBER", 3)
    await shop.decide("setExchanged", first["id"], exchanged=True)
    assert (await shop.exchange(pens))["code"] == "EXCHANGE_LIMIT"
    await shop.decide("setExchanged", first["id"], exchanged=False)
    await shop.decide("cancelExchangeOrder", first["id"])
    assert (await shop.exchange(pens))["state"] == "SUBMITTED"
    await shop.join("c-2")
    await give_points(shop.installation, shop.programme, "c-2", 100, now=shop.clock())
    assert (await shop.exchange(pens, customer="c-2"))["state"] == "SUBMITTED"


async def test_r30_who_may_not_spend_does_not_exchange(opened: OpenShop) -> None:
    shop = await selling(opened)
    assert (await shop.exchange(BAG, customer="stranger"))["code"] == "NOT_A_MEMBER"
    call = shop.installation, shop.programme.id, "c-1"
    await set_redemption_lock(*call, locked=True, now=shop.clock())
    assert (await shop.exchange(BAG))["code"] == "REDEMPTION_LOCKED"
    await set_state(*call, MemberState.INACTIVE, now=shop.clock())
    assert (await shop.exchange(BAG))["code"] == "MEMBER_INACTIVE"
    assert await spendable(shop) == 400


async def test_e38_exchanging_works_while_earning_is_stopped_and_not_when_closed(opened: OpenShop) -> None:
    shop = await selling(opened, points=40)
    await change_state(shop.installation, shop.programme.id, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    order = await shop.exchange(BAG)
    assert order["state"] == "SUBMITTED"
    shop.clock.now = at("2026-03-02 12:00")
    closing = shop.installation, shop.programme.id, ProgrammeState.CLOSED
    with pytest.raises(InvalidInput, match="exchange orders"):
        await change_state(*closing, now=shop.clock())
    await shop.decide("setExchanged", order["id"], exchanged=True)
    await change_state(*closing, now=shop.clock())
    assert (await shop.exchange(BAG))["code"] == "PROGRAMME_NOT_OPEN"
    assert (await shop.decide("cancelExchangeOrder", order["id"]))["code"] == "PROGRAMME_NOT_OPEN"


async def test_points_of_a_former_currency_do_not_come_back(opened: OpenShop) -> None:
    shop = await selling(opened, points=40)
    order = await shop.exchange(BAG)
    await shop.decide("setExchanged", order["id"], exchanged=True)
    programme = shop.installation, shop.programme.id
    await change_state(*programme, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    shop.clock.now = at("2026-03-02 12:00")
    await change_state(*programme, ProgrammeState.CLOSED, now=shop.clock())
    settings = shop.programme.settings_at(shop.clock())
    yen = settings.changed({"valuePerPoint": "5", "revenuePerPoint": "100"}, "JPY")
    await change_currency(*programme, "JPY", yen, now=shop.clock())
    await change_state(*programme, ProgrammeState.ACTIVE, now=shop.clock())
    await shop.decide("setExchanged", order["id"], exchanged=False)
    assert (await shop.decide("cancelExchangeOrder", order["id"]))["code"] == "CURRENCY_MISMATCH"
    assert await spendable(shop) == 0


# --- repeated, and at once ---------------------------------------------------------------------------------------


async def test_i8_a_repeated_exchange_is_the_first_one_whatever_it_costs_by_then(opened: OpenShop) -> None:
    shop = await selling(opened)
    first = await shop.exchange(BAG, note="hello", key="k")
    await shop.sell("bag", 400, active=False)
    assert await shop.exchange(BAG, note="hello", key="k") == first
    assert (await shop.exchange(BAG, key="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await shop.exchange({**BAG, "quantity": 2}, note="hello", key="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    assert first["lines"][0]["pricePoints"] == 40
    assert await spendable(shop) == 360


async def test_i8_one_key_twenty_times_at_once_is_one_order(opened: OpenShop) -> None:
    shop = await selling(opened)
    orders = await asyncio.gather(*(shop.exchange(MUG, key="k") for _ in range(20)))
    assert len({order["id"] for order in orders}) == 1
    assert (await spendable(shop), await shop.stock("mug")) == (100, 8)
    assert (await topics(shop.installation.db, shop.programme)).count("exchange.placed") == 1


async def test_r30_thirty_buyers_for_five_never_get_more(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.sell("mug", 150, stock=5)
    await shop.sell("bag", 40, stock=100)
    buyers = [f"c-{number}" for number in range(30)]
    for buyer in buyers:
        await shop.join(buyer)
        await give_points(shop.installation, shop.programme, buyer, 400, now=shop.clock())
    one = {**MUG, "quantity": 1}
    # half of them name the items the other way round
    answers = await asyncio.gather(
        *(
            shop.exchange(*((one, BAG) if number % 2 else (BAG, one)), customer=buyer)
            for number, buyer in enumerate(buyers)
        )
    )
    assert ended(answers) == {"SUBMITTED": 5, "SOLD_OUT": 25}
    assert (await shop.stock("mug"), await shop.stock("bag")) == (0, 95)
    left = Counter([await spendable(shop, buyer) for buyer in buyers])
    assert left == {210: 5, 400: 25}


async def test_r29_a_member_who_exchanges_at_once_spends_what_they_have(opened: OpenShop) -> None:
    shop = await selling(opened)
    answers = await asyncio.gather(*(shop.exchange({**MUG, "quantity": 1}) for _ in range(8)))
    assert ended(answers) == {
        "SUBMITTED": 2,
        "INSUFFICIENT_POINTS": 6,
    }
    assert (await spendable(shop), await shop.stock("mug")) == (100, 8)


async def test_r30_limits_of_a_member_hold_at_once(opened: OpenShop) -> None:
    shop = await selling(opened)
    await shop.sell("pen", 5, maxPerMember=3)
    answers = await asyncio.gather(
        *(shop.exchange({"sku": "pen", "quantity": 1, "pricePoints": 5}) for _ in range(8))
    )
    assert ended(answers) == {
        "SUBMITTED": 3,
        "EXCHANGE_LIMIT": 5,
    }


async def test_r30_of_cancelling_and_exchanging_at_once_one_wins(opened: OpenShop) -> None:
    shop = await selling(opened)
    counts = Counter[str]()
    for _ in range(8):
        order = (await shop.exchange(BAG))["id"]
        answers = await asyncio.gather(
            shop.decide("cancelExchangeOrder", order),
            shop.decide("setExchanged", order, exchanged=True),
            shop.decide("cancelExchangeOrder", order),
            shop.decide("setExchanged", order, exchanged=True),
        )
        states = {answer["state"] for answer in answers}
        assert len(states) == 1, "both are told how it ended"
        assert sum("code" in answer for answer in answers) == 2
        counts.update(states)
    assert await spendable(shop) == 400 - 40 * counts["EXCHANGED"]


async def test_r30_cancelled_once_however_often_at_once(opened: OpenShop) -> None:
    shop = await selling(opened)
    order = (await shop.exchange(MUG))["id"]
    answers = await asyncio.gather(*(shop.decide("cancelExchangeOrder", order) for _ in range(10)))
    assert {answer["state"] for answer in answers} == {"CANCELLED"}
    assert (await spendable(shop), await shop.stock("mug")) == (400, 10)


async def test_a_price_that_changes_while_members_exchange_is_the_one_they_saw(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.sell("bag", 40, stock=100)
    buyers = [f"c-{number}" for number in range(10)]
    for buyer in buyers:
        await shop.join(buyer)
        await give_points(shop.installation, shop.programme, buyer, 100, now=shop.clock())

    exchanging = asyncio.gather(*(shop.exchange(BAG, customer=buyer) for buyer in buyers))
    answers, _ = await asyncio.gather(exchanging, shop.sell("bag", 50))
    counts = ended(answers)
    assert counts["SUBMITTED"] + counts["PRICE_CHANGED"] == 10
    assert {answer["points"] for answer in answers if "points" in answer} <= {40}
    left = Counter([await spendable(shop, buyer) for buyer in buyers])
    assert left == +Counter({60: counts["SUBMITTED"], 100: counts["PRICE_CHANGED"]})
    assert await shop.stock("bag") == 100 - counts["SUBMITTED"]
