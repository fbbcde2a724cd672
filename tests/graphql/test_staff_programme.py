"""The staff's face: the state, the languages and the stores of their programme."""

from datetime import timedelta
from typing import Any

from pointbook.services.stores import NewStore, add_store
from tests.graphql.staff import PIZZA, audit, change, create, earned, find, wait
from tests.http.fixtures import Clock, Shop
from tests.support import NOW, join_member


async def test_e38_earning_stops_closing_waits_for_the_last_point_and_the_programme_reopens(
    shop: Shop, clock: Clock
) -> None:
    await join_member(shop.installation, shop.programme)
    assert await earned(shop, "o-1") == 10
    stopped = await change(shop, "changeProgrammeState", "programme { state }", state="EARNING_STOPPED")
    assert stopped == {"programme": {"state": "EARNING_STOPPED"}}
    await create(shop, key="pizza")
    wait(clock, timedelta(minutes=1))
    assert (await find(shop, "pizza"))["inertReason"] == "PROGRAMME_STOPPED"
    assert await earned(shop, "o-2") == 0
    refused = await change(shop, "changeProgrammeState", "programme { state }", state="CLOSED")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "state")
    assert "110 points are still outstanding" in refused["message"]
    reopened = await change(shop, "changeProgrammeState", "programme { state }", state="ACTIVE")
    assert reopened == {"programme": {"state": "ACTIVE"}}
    assert await earned(shop, "o-3") == 15
    back = await change(shop, "changeProgrammeState", "programme { state }", state="DRAFT")
    assert back["code"] == "INVALID_INPUT"
    states = [(it["before"]["state"], it["after"]["state"]) for it in (await audit(shop, subject="programme"))[:2]]
    assert states == [("EARNING_STOPPED", "ACTIVE"), ("ACTIVE", "EARNING_STOPPED")]


async def test_languages_are_added_put_in_order_and_taken_away_while_no_text_is_in_them(shop: Shop) -> None:
    tags = shop.programme.locales

    async def to(*locales: str) -> Any:
        answer = await change(shop, "changeProgrammeLocales", "programme { locales }", locales=list(locales))
        return answer["programme"]["locales"] if "programme" in answer else answer

    assert await to(*tags, "pl", "pl") == [*tags, "pl"]
    assert await to("pl", *tags) == ["pl", *tags]
    label = {**PIZZA, "labels": [{"locale": "pl", "text": "Pizza"}]}
    await create(shop, label, key="pizza")
    refused = await to(*tags)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "locales")
    assert "must have pl, in which the rule" in refused["message"]
    offer = {"sku": "mug", "names": [{"locale": "pl", "text": "Kubek"}], "pricePoints": 9}
    await change(shop, "saveExchangeItem", "item { sku }", **offer)
    refused = await to(*tags, "pl")
    assert "must have a name in" in refused["message"]
    for wrong in ((), ("english",)):
        assert (await to(*wrong))["field"] == "locales"
    assert await to("pl", *tags) == ["pl", *tags]
    entries = [entry for entry in await audit(shop, subject="programme") if entry["action"] == "LOCALES_CHANGED"]
    assert [entry["after"]["locales"] for entry in entries] == [["pl", *tags], [*tags, "pl"]]


async def test_a_store_that_is_switched_off_earns_nothing(shop: Shop, clock: Clock) -> None:
    await join_member(shop.installation, shop.programme)
    await add_store(shop.installation, shop.programme.id, NewStore("s-1", "Mitte"), now=NOW)
    off = await change(shop, "switchStore", "switched { id active }", storeId="s-1", active=False)
    assert off == {"switched": {"id": "s-1", "active": False}}
    await create(shop, {**PIZZA, "stores": {"only": ["s-1"]}}, key="pizza")
    wait(clock)
    assert (await find(shop, "pizza"))["inertReason"] == "NO_STORE"
    unknown = await change(shop, "switchStore", "switched { id }", storeId="moon", active=False)
    assert (unknown["__typename"], unknown["code"]) == ("UnknownStore", "UNKNOWN_STORE")
    [entry] = [it for it in await audit(shop, subject="store s-1") if it["action"] == "STORE_SWITCHED"]
    assert (entry["before"], entry["after"], entry["label"]) == ({"active": True}, {"active": False}, "Anna")
