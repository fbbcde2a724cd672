"""The catalogues as guests, customers and staff see them (R29, R30, E34), and as the staff keep them."""

from typing import Any

import pytest

from pointbook.graphql.trusted import document_id, shipped
from tests.http.fixtures import Reply, Shop
from tests.http.statements import statements
from tests.support import NOW, give_points, join_member, outbox

DOCUMENTS = {"giftCards": "query GiftCards(", "exchangeItems": "query ExchangeItems("}
CARD = {
    "sku": "card-50",
    "names": [{"locale": "de", "text": "Gutschein"}, {"locale": "en", "text": "Gift card"}],
    "pricePoints": 500,
    "faceValue": "50.00",
    "validityDays": 365,
}
MUG = {
    "sku": "mug",
    "names": [{"locale": "de", "text": "Becher"}],
    "descriptions": [{"locale": "de", "text": "Keramik.\n300 ml."}],
    "imageUrl": "https://images.example.com/mug.jpg",
    "category": "kitchen",
    "pricePoints": 150,
    "fee": "0.10",
    "maxPerOrder": 5,
}
_REFUSALS = (
    "... on UserError { __typename code message } ... on InvalidInput { field } ... on SoldOut { left }"
    " ... on StockChanged { stock } ... on NotInCatalogue { sku }"
)


async def save_card(shop: Shop, **changes: Any) -> Any:
    reply = await shop.as_staff(
        "mutation ($input: SaveGiftCardProductInput!) { saveGiftCardProduct(input: $input) {"
        " ... on UserError { code } ... on InvalidInput { field } ... on SaveGiftCardProductSuccess { product {"
        " sku active pricePoints faceValue { amount currency } validityDays names { locale text } } } } }",
        input={**CARD, **changes},
    )
    return reply.data["saveGiftCardProduct"]


async def save_item(shop: Shop, **changes: Any) -> Any:
    reply = await shop.as_staff(
        "mutation ($input: SaveExchangeItemInput!) { saveExchangeItem(input: $input) {"
        " ... on UserError { code } ... on InvalidInput { field } ... on SaveExchangeItemSuccess { item {"
        " sku active stock inStock fee { amount } descriptions { text } } } } }",
        input={**MUG, **changes},
    )
    return reply.data["saveExchangeItem"]


async def change_stock(shop: Shop, key: str = "k", **change: Any) -> Any:
    reply = await shop.as_staff(
        "mutation ($input: ChangeExchangeStockInput!) { changeExchangeStock(input: $input) {"
        f" {_REFUSALS} ... on ChangeExchangeStockSuccess {{ sku stock }} }} }}",
        input={"sku": "mug", "idempotencyKey": key, **change},
    )
    return reply.data["changeExchangeStock"]


async def shown(shop: Shop, field: str, headers: dict[str, str], **variables: Any) -> Reply:
    """A page of a catalogue by the document that pages run."""
    text = next(text for text in shipped().values() if text.startswith(DOCUMENTS[field]))
    return await shop.send({"documentId": document_id(text), "variables": variables}, headers)


async def names(shop: Shop, field: str = "exchangeItems", **variables: Any) -> list[str]:
    reply = await shown(shop, field, shop.guest_headers, **variables)
    return [node["sku"] for node in reply.data[field]["nodes"]]


async def test_a_guest_sees_what_is_on_sale_and_no_more(shop: Shop) -> None:
    await save_card(shop)
    await save_card(shop, sku="card-off", active=False)
    reply = await shown(shop, "giftCards", shop.guest_headers, locale="en")
    [card] = reply.data["giftCards"]["nodes"]
    assert card == {
        "sku": "card-50",
        "name": "Gift card",
        "description": None,
        "imageUrl": None,
        "category": None,
        "pricePoints": 500,
        "faceValue": {"amount": "50.00", "currency": "EUR"},
        "validityDays": 365,
    }


async def test_names_in_a_language_that_nothing_else_is_said_in_are_english_like_the_rest(shop: Shop) -> None:
    await save_card(shop)
    for locale, name in (("de-AT", "Gutschein"), ("pl", "Gutschein"), ("fr", "Gift card"), (None, "Gutschein")):
        reply = await shown(shop, "giftCards", shop.guest_headers, locale=locale)
        assert reply.data["giftCards"]["nodes"][0]["name"] == name, locale


async def test_how_many_there_are_is_the_staffs_business(shop: Shop) -> None:
    await save_item(shop)
    await change_stock(shop, set={"stock": 3})
    query = "{ exchangeItems { nodes { sku inStock stock } } }"
    for reply in (await shop.as_server(query), await shop.as_staff(query)):
        assert reply.data["exchangeItems"]["nodes"] == [{"sku": "mug", "inStock": True, "stock": None}]
    await save_item(shop, active=False)
    assert await names(shop) == []
    reply = await shop.as_staff(
        "{ catalogue { giftCards { nodes { sku } } exchangeItems { nodes { sku active stock } } } }"
    )
    assert reply.data["catalogue"] == {
        "giftCards": {"nodes": []},
        "exchangeItems": {"nodes": [{"sku": "mug", "active": False, "stock": 3}]},
    }


@pytest.mark.parametrize(("points", "missing"), [(480, 20), (500, 0), (520, 0)])
async def test_e34_a_card_is_affordable_exactly_when_the_points_suffice(
    shop: Shop,
    points: int,
    missing: int,
) -> None:
    await save_card(shop)
    await save_card(shop, sku="card-5", pricePoints=5)
    await join_member(shop.installation, shop.programme)  # 100 points for joining
    await give_points(shop.installation, shop.programme, "c-1", points - 100, now=NOW)
    reply = await shop.as_customer("{ giftCards { nodes { sku affordable missingPoints } } }")
    found = {node["sku"]: (node["affordable"], node["missingPoints"]) for node in reply.data["giftCards"]["nodes"]}
    assert found == {"card-50": (missing == 0, missing), "card-5": (True, 0)}
    headers = await shop.customer_headers()
    only = await shown(shop, "giftCards", headers, filter={"affordableOnly": True})
    assert {node["sku"] for node in only.data["giftCards"]["nodes"]} == {
        sku for sku, (enough, _) in found.items() if enough
    }


async def test_whoever_has_not_joined_has_no_points_to_compare(shop: Shop) -> None:
    await save_card(shop)
    query = "{ giftCards { nodes { affordable missingPoints } } }"
    reply = await shop.as_customer(query, customer="stranger")
    assert reply.data["giftCards"]["nodes"] == [{"affordable": None, "missingPoints": None}]
    headers = await shop.customer_headers("stranger")
    only = await shown(shop, "giftCards", headers, filter={"affordableOnly": True})
    assert only.data["giftCards"]["nodes"] == []
    refused = await shown(shop, "giftCards", shop.guest_headers, filter={"affordableOnly": True})
    assert refused.codes == ["INVALID_INPUT"]


async def test_a_page_reckons_the_points_once(shop: Shop) -> None:
    for number in range(5):
        await save_card(shop, sku=f"card-{number}")
    await join_member(shop.installation, shop.programme)
    headers = await shop.customer_headers()
    await shown(shop, "giftCards", headers)
    with statements() as seen:
        reply = await shown(shop, "giftCards", headers)
    assert len(reply.data["giftCards"]["nodes"]) == 5
    assert [query.split()[0].lower() for query in seen] == ["begin;", "select", "with", "commit;"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["mug", "bag", "cup"]),
        ({"category": "kitchen"}, ["mug", "cup"]),
        ({"maxPoints": 100}, ["bag"]),
        ({"search": "BECH"}, ["mug"]),
        ({"search": "ag"}, ["bag"]),
        ({"search": "%"}, []),
        ({"category": "kitchen", "maxPoints": 100}, []),
    ],
)
async def test_a_filter_keeps_what_it_names(shop: Shop, chosen: dict[str, Any], expected: list[str]) -> None:
    await save_item(shop)
    await save_item(shop, sku="bag", names=[{"locale": "de", "text": "Tasche"}], category=None, pricePoints=40)
    await save_item(shop, sku="cup", names=[{"locale": "de", "text": "Tasse"}])
    assert await names(shop, filter=chosen) == expected


@pytest.mark.parametrize(
    "chosen", [{"category": ""}, {"maxPoints": -1}, {"search": ""}, {"search": "x" * 65}], ids=str
)
async def test_a_filter_out_of_bounds_is_refused(shop: Shop, chosen: dict[str, Any]) -> None:
    assert (await shown(shop, "giftCards", shop.guest_headers, filter=chosen)).codes == ["INVALID_INPUT"]


async def test_pages_follow_each_other_and_cursors_are_of_one_order(shop: Shop) -> None:
    for number in range(5):
        await save_item(shop, sku=f"i-{number}", pricePoints=10 * (number % 2) + 1)
    after, seen, pages = None, [], 0
    while pages == 0 or after is not None:
        reply = await shown(shop, "exchangeItems", shop.guest_headers, sort="PRICE_DESC", first=2, after=after)
        page = reply.data["exchangeItems"]
        seen += [node["sku"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        after = cursor if page["pageInfo"]["hasNextPage"] else None
        pages += 1
    assert (seen, pages) == (["i-3", "i-1", "i-4", "i-2", "i-0"], 3)
    for wrong in ({"sort": "PRICE_ASC"}, {"sort": "POSITION"}):
        assert (await shown(shop, "exchangeItems", shop.guest_headers, after=cursor, **wrong)).codes == [
            "INVALID_INPUT"
        ]
    assert (await shown(shop, "giftCards", shop.guest_headers, sort="PRICE_DESC", after=cursor)).codes == [
        "INVALID_INPUT"
    ]


async def test_an_offer_is_saved_whole_and_again(shop: Shop) -> None:
    assert (await save_card(shop))["product"] == {
        "sku": "card-50",
        "active": True,
        "pricePoints": 500,
        "faceValue": {"amount": "50.00", "currency": "EUR"},
        "validityDays": 365,
        "names": [{"locale": "de", "text": "Gutschein"}, {"locale": "en", "text": "Gift card"}],
    }
    changed = (await save_card(shop, validityDays=None, pricePoints=600))["product"]
    assert (changed["validityDays"], changed["pricePoints"]) == (None, 600)
    item = (await save_item(shop))["item"]
    assert (item["stock"], item["inStock"], item["fee"]) == (None, True, {"amount": "0.10"})
    assert item["descriptions"] == [{"text": "Keramik.\n300 ml."}]
    assert await outbox(shop.installation.db, shop.programme) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"names": []}, "names"),
        ({"names": [{"locale": "de", "text": "a"}, {"locale": "de", "text": "b"}]}, "names"),
        ({"names": [{"locale": "de", "text": "a"}, {"locale": "fr", "text": "b"}]}, "names.fr"),
        ({"pricePoints": 0}, "pricePoints"),
        ({"faceValue": "0"}, "faceValue"),
        ({"faceValue": "1.001"}, "faceValue"),
        ({"imageUrl": "https://10.0.0.1/a.jpg"}, "imageUrl"),
        ({"validityDays": 40_000}, "validityDays"),
    ],
)
async def test_what_is_wrong_is_named(shop: Shop, changes: dict[str, Any], field: str) -> None:
    assert await save_card(shop, **changes) == {"code": "INVALID_INPUT", "field": field}
    assert await names(shop, "giftCards") == []


async def test_stock_by_difference_and_by_what_was_seen(shop: Shop) -> None:
    await save_item(shop)
    assert await change_stock(shop, "a", set={"stock": 10, "expected": None}) == {"sku": "mug", "stock": 10}
    assert await change_stock(shop, "b", change=-3) == {"sku": "mug", "stock": 7}
    assert await change_stock(shop, "b", change=-3) == {"sku": "mug", "stock": 7}
    refusals = [
        (await change_stock(shop, "b", change=-4), ("IDEMPOTENCY_CONFLICT", None, None)),
        (await change_stock(shop, "c", change=-8), ("SOLD_OUT", "left", 7)),
        (await change_stock(shop, "c", set={"stock": 1, "expected": 10}), ("STOCK_CHANGED", "stock", 7)),
        (await change_stock(shop, "c", sku="unknown", change=1), ("NOT_IN_CATALOGUE", "sku", "unknown")),
        (await change_stock(shop, "c"), ("INVALID_INPUT", "field", "change")),
        (await change_stock(shop, "c", change=1, set={"stock": 1}), ("INVALID_INPUT", "field", "change")),
        (await change_stock(shop, "c", set={"stock": -1, "expected": 7}), ("INVALID_INPUT", "field", "stock")),
        (await change_stock(shop, "", change=1), ("INVALID_INPUT", "field", "idempotencyKey")),
    ]
    for answer, (code, field, value) in refusals:
        assert (answer["code"], answer.get(field)) == (code, value)
    assert await change_stock(shop, "d", set={"expected": 7}) == {"sku": "mug", "stock": None}
