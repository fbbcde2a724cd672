"""What everybody may know of a programme: its rules and conditions, and nothing that is the staff's."""

from datetime import timedelta
from typing import Any

import pytest

from pointbook.graphql.schema import build_schema
from pointbook.graphql.trusted import document_id, shipped
from pointbook.services import places
from pointbook.services.directory import ProgrammeState
from pointbook.services.earning_rules import deactivate_rule, edit_rule
from pointbook.services.programmes import change_state
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.graphql.selecting import everything
from tests.http.fixtures import Shop, make_shop, reply_of
from tests.rules.shop import LONG_BEFORE, add_rule, line, rule
from tests.support import DAY, NOW, join_member, order_document

SCHEMA = build_schema()._schema
LABELS = """
query ($locale: String, $first: Int! = 20, $after: ID) {
  rules(locale: $locale, first: $first, after: $after) { id label }
}
"""
SECRET = "hush"
"""Stands in the name and in the key of every rule of the tell-tale programme."""


async def labels(shop: Shop, **variables: Any) -> list[str]:
    return [each["label"] for each in (await shop.as_server(LABELS, **variables)).data["rules"]]


async def test_a_rule_is_told_with_all_its_conditions(shop: Shop) -> None:
    for store in ("berlin", "bonn"):
        await add_store(shop.installation, shop.programme.id, NewStore(store, store.title()), now=LONG_BEFORE)
    await places.change_channels(shop.installation, shop.programme.id, ["web"], ["pick-up"], now=LONG_BEFORE)
    whole = rule(
        labels={"de": "{points} je Pizza"},
        targets=["pizza", "calzone"],
        excludesMenus=True,
        stores=["berlin", "bonn"],
        entryChannels=["web"],
        exitChannels=["pick-up"],
        validFrom="2026-02-01",
        validUntil="2026-12-31",
        weekdays=["SUNDAY"],
        holidays="ALL",
        availableAtOnce=True,
        expiry={"days": 30},
        caps={"perOrder": 10, "perDay": 20, "perMember": {"points": 100, "period": "MONTH"}},
    )
    await add_rule(shop.installation, shop.programme, whole)
    await switch_store(shop.installation, shop.programme.id, "bonn", active=False, now=NOW)
    [told] = (await shop.as_server(f"{{ rules {everything(SCHEMA, 'rules')} }}")).data["rules"]
    assert len(told.pop("id")) == 32
    assert told == {
        "ruleKey": None,
        "ruleName": None,
        "label": "5 je Pizza",
        "kind": "ARTICLE",
        "points": 5,
        "moneyPerPoint": None,
        "factor": None,
        "targetCount": 2,
        "targets": ["calzone", "pizza"],
        "multiplies": [],
        "storeCount": 1,
        "stores": [{"id": "berlin", "name": "Berlin", "timeZone": "Europe/Berlin", "active": True}],
        "excludesMenus": True,
        "entryChannels": ["web"],
        "exitChannels": ["pick-up"],
        "validFrom": "2026-02-01",
        "validUntil": "2026-12-31",
        "weekdays": ["SUNDAY"],
        "holidays": None,
        "availableAtOnce": True,
        "expiry": {"days": 30, "on": None, "countsFrom": "EARNING"},
        "caps": {"perOrder": 10, "perDay": 20, "perMember": {"points": 100, "period": "MONTH"}},
    }


async def test_money_and_factors_are_exact_and_a_multiplier_names_what_gives_points(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule("CART", None, moneyPerPoint="0.333"), key="cart")
    await add_rule(shop.installation, shop.programme, rule(), key="gone")
    targets = ["cart", "gone", "REVENUE", "BASE"]
    await add_rule(shop.installation, shop.programme, rule("MULTIPLIER", None, factor="1.50", targets=targets))
    await deactivate_rule(shop.installation, shop.programme.id, "gone", 1, now=LONG_BEFORE + timedelta(minutes=1))
    cart, multiplier = (
        await shop.as_server(
            '{ rules(locale: "en") {'
            " id moneyPerPoint factor points stores { id } targets targetCount multiplies { id label } } }"
        )
    ).data["rules"]
    assert (cart["moneyPerPoint"], cart["points"], cart["stores"], cart["multiplies"]) == ("0.333", None, None, [])
    assert (multiplier["factor"], multiplier["targets"], multiplier["targetCount"]) == ("1.5", [], 0)
    revenue, told = sorted(multiplier["multiplies"], key=lambda each: each["id"] == cart["id"])
    assert told == {"id": cart["id"], "label": "1 point for every €0.333 of an order"}
    assert revenue["label"] == "1 point for every €1.00 of an order"  # there are no base points to multiply


async def test_only_rules_that_give_points_now_are_told_the_oldest_first(shop: Shop) -> None:
    for number in range(3):
        await add_rule(
            shop.installation, shop.programme, rule(labels={"de": f"{number}"}), key=f"key {9 - number}"
        )
    closed: list[dict[str, Any]] = [{"validFrom": "2026-03-02"}, {"validUntil": "2026-02-28"}, {"stores": []}]
    for document in closed:
        await add_rule(shop.installation, shop.programme, rule(labels={"de": "no"}, **document))
    await add_rule(shop.installation, shop.programme, rule(labels={"de": "later"}), effective_from=NOW + DAY)
    assert await labels(shop) == ["0", "1", "2"]
    shop.clock.now = NOW + DAY
    assert await labels(shop) == ["0", "1", "2", "no", "later"]
    await change_state(shop.installation, shop.programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    assert await labels(shop) == []


async def test_rules_are_read_page_by_page(shop: Shop) -> None:
    for number in range(5):
        await add_rule(shop.installation, shop.programme, rule(labels={"de": f"{number}"}))
    first = (await shop.as_server(LABELS, first=2)).data["rules"]
    assert await labels(shop, first=2, after=first[-1]["id"]) == ["2", "3"]
    assert await labels(shop, after=first[-1]["id"]) == ["2", "3", "4"]
    assert await labels(shop, first=0) == []
    for variables, field in (({"first": 101}, "first"), ({"first": -1}, "first"), ({"after": "x"}, "after")):
        refused = await shop.as_server(LABELS, **variables)
        assert refused.codes == ["INVALID_INPUT"]
        assert refused.json["errors"][0]["message"].startswith(f"{field}: ")
    refused = await shop.as_server("{ rules { targets(first: 101) } }")
    assert set(refused.codes) == {"INVALID_INPUT"}


@pytest.mark.parametrize(
    ("locale", "label"),
    [
        (None, "Pizzatag"),
        ("de-AT", "Pizzatag"),
        ("en-GB", "Pizza day"),
        ("pl", "5 punktów za każdą sztukę określonych artykułów"),
        ("fr", "5 points for each unit of certain items"),
        ("", "Pizzatag"),
        ("nonsense-" * 1_000, "Pizza day"),
        ("\N{SNOWMAN}", "Pizza day"),
    ],
)
async def test_a_language_without_texts_is_served_in_the_next_best(
    shop: Shop, locale: str | None, label: str
) -> None:
    await add_rule(shop.installation, shop.programme, rule(labels={"de": "Pizzatag", "en": "Pizza day"}))
    assert await labels(shop, locale=locale) == [label]


async def test_guidelines_are_written_in_the_language_asked_for_from_what_is_in_force(shop: Shop) -> None:
    selection = everything(SCHEMA, "guidelines")
    query = f"query ($locale: String) {{ guidelines(locale: $locale) {selection} }}"
    told = {}
    for locale in (None, "de", "en", "pl", "fr"):
        told[locale] = (await shop.as_server(query, locale=locale)).data["guidelines"]
        assert told[locale]["privacy"]["key"] == "privacy"
    assert told[None] == told["de"]
    assert [told[locale]["locale"] for locale in ("de", "en", "pl", "fr")] == ["de", "en", "pl", "en"]
    keys = [[section["key"] for section in told[locale]["sections"]] for locale in ("de", "en", "pl")]
    assert keys[0] == keys[1] == keys[2]
    assert len({told[locale]["sections"][0]["heading"] for locale in ("de", "en", "pl")}) == 3


async def test_conditions_kept_for_a_moment_follow_every_change_at_once(shop: Shop) -> None:
    query = '{ guidelines(locale: "en") { sections { paragraphs } } }'

    async def says(text: str) -> bool:
        sections = (await shop.as_server(query)).data["guidelines"]["sections"]
        return any(text in paragraph for section in sections for paragraph in section["paragraphs"])

    assert not await says("Pizza day")
    made = await add_rule(shop.installation, shop.programme, rule(labels={"en": "Pizza day"}))
    assert await says("Pizza day")
    changed = rule(labels={"en": "Pizza week"}, validUntil="2026-03-01")
    await edit_rule(
        shop.installation, shop.programme.id, made.key, 1, changed, now=LONG_BEFORE + timedelta(minutes=1)
    )
    assert await says("Pizza week")
    shop.clock.now = NOW + DAY
    assert not await says("Pizza week")


async def _tell_tale(shop: Shop) -> None:
    """A rule of every kind; of some there are several that compete, and some have no label."""
    await add_store(shop.installation, shop.programme.id, NewStore("berlin", "Berlin"), now=LONG_BEFORE)
    pizza = {"targets": ["pizza"]}
    documents: list[dict[str, Any]] = [
        {"kind": "ARTICLE", "points": 5, **pizza, "caps": {"perDay": 8}},
        {"kind": "ARTICLE", "points": 4, **pizza, "labels": {"de": "Pizza"}},
        {"kind": "PRODUCT_GROUP", "points": 3, "targets": ["pizzas"]},
        {"kind": "TOPPING", "points": 1, "targets": ["cheese"]},
        {"kind": "TOPPING_GROUP", "points": 1, "targets": ["cheeses"]},
        {"kind": "CART", "moneyPerPoint": "2.00"},
        {"kind": "CART", "moneyPerPoint": "3.00", "stores": ["berlin"]},
        {"kind": "BASE", "points": 2},
        {"kind": "REGISTRATION", "points": 200},
        {"kind": "REGISTRATION", "points": 50},
        {"kind": "SERVICE", "points": 9, "targets": ["massage"]},
        {"kind": "VARIATION", "points": 7, "targets": ["large"]},
        {"kind": "CATEGORY", "points": 8, "targets": ["pizzas"]},
    ]
    for number, document in enumerate(documents):
        await add_rule(
            shop.installation, shop.programme, {**document, "name": f"{SECRET} {number}"}, key=f"{SECRET}-{number}"
        )
    for number, factor in enumerate(("2", "1.5")):
        targets = [f"{SECRET}-{place}" for place in range(9)] + ["REVENUE"]
        multiplier = {"kind": "MULTIPLIER", "name": SECRET, "factor": factor, "targets": targets}
        await add_rule(shop.installation, shop.programme, multiplier, key=f"{SECRET}-times-{number}")


PIZZAS = line("pizza", 2, "20.00", variationId="large", productGroupIds=["pizzas"])
CHEESE = line("cheese", 1, "1.00", kind="TOPPING", toppingGroupId="cheeses", parentLineId="pizza")


async def test_names_and_keys_of_rules_are_in_no_public_answer(shop: Shop) -> None:
    await _tell_tale(shop)
    await join_member(shop.installation, shop.programme)
    headers = await shop.customer_headers(key=shop.secret_key)
    order = order_document(lines=[PIZZAS, CHEESE])
    submitted = await shop.as_server(
        "mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) { __typename } }", order=order
    )
    assert submitted.data["submitOrder"] == {"__typename": "SubmitOrderSuccess"}
    history = (await shop.as_customer("{ me { history { nodes { id kind sourceType sourceId } } } }")).data["me"]
    told = [str(history)]
    product = {"articleId": "pizza", "price": "10.00", "variationId": "large", "productGroupIds": ["pizzas"]}
    cart = {"currency": "EUR", "lines": [PIZZAS, CHEESE], "store": "berlin"}
    asked: list[tuple[str, str, str, Any]] = [
        ("rules", "", "", None),
        ("guidelines", "", "", None),
        ("productPoints", "($given: ProductInput!)", "(product: $given)", product),
        ("productPointsList", "($given: [ProductInput!]!)", "(products: $given)", [product]),
        ("earnQuote", "($given: EarnCartInput!)", "(cart: $given)", cart),
        *(("explain", "($given: ID!)", "(entry: $given)", node["id"]) for node in history["history"]["nodes"]),
    ]
    for root, declared, given, value in asked:
        query = f"query {declared} {{ {root}{given} {everything(SCHEMA, root)} }}"
        reply = await shop.send({"query": query, "variables": {"given": value}}, headers)
        assert reply.data[root], root
        told.append(str(reply.data))
    assert [answer for answer in told if SECRET in answer] == []
    whole = "".join(told[-2:])
    for word in ("WON", "LOST", "INERT", "'multiplier': {'id'", "'lostTo': {'id'", "DAY"):
        assert word in whole, word


TEA = '{"articleId": "tea", "price": "2.50"}'
CART = '{"currency": "EUR", "lines": [{"id": "1", "articleId": "tea", "quantity": 1, "amount": "2.50"}]}'


@pytest.mark.parametrize(
    ("name", "variables", "kept"),
    [
        ("Rules", '{"locale": "en"}', True),
        ("Guidelines", "{}", True),
        ("ProductPoints", f'{{"product": {TEA}}}', True),
        ("ProductPointsList", f'{{"products": [{TEA}]}}', True),
        ("EarnQuote", f'{{"cart": {CART}}}', False),
    ],
)
async def test_what_is_the_same_for_all_guests_is_read_by_get_and_may_be_kept(
    shop: Shop, name: str, variables: str, *, kept: bool
) -> None:
    text = next(text for text in shipped().values() if text.startswith(f"query {name}("))
    parameters = {"documentId": document_id(text), "variables": variables}
    reply = reply_of(await shop.client.get("/graphql", params=parameters, headers=shop.guest_headers))
    assert "errors" not in reply.json
    assert ("etag" in reply.headers) == kept
    assert reply.headers["cache-control"].startswith("public" if kept else "no-store")
    headers = await shop.customer_headers()
    own = reply_of(await shop.client.get("/graphql", params=parameters, headers=headers))
    assert own.headers["cache-control"] == "no-store"


async def test_programmes_do_not_see_each_others_rules(shop: Shop) -> None:
    other = await make_shop(shop.client._transport.app, shop.client, shop.clock)  # type: ignore[attr-defined]
    await add_rule(shop.installation, shop.programme, rule(), key="same")
    await add_rule(shop.installation, other.programme, rule(), key="same")
    [own], [others] = [(await each.as_server(LABELS)).data["rules"] for each in (shop, other)]
    assert own["label"] == others["label"]
    assert own["id"] != others["id"]
