"""What is quoted of products and carts through the API, and how bad input is refused."""

from typing import Any

import pytest

from pointbook.services.directory import ProgrammeState
from pointbook.services.members import MemberState, set_state
from tests.http.fixtures import Reply, Shop, make_shop
from tests.http.statements import statements
from tests.rules.shop import add_rule, rule
from tests.support import everything, join_member

ERRORS = """
  __typename
  ... on UserError { code message }
  ... on InvalidInput { field }
  ... on UnknownStore { store }
"""
PRODUCT = f"""
query ($product: ProductInput!, $store: ID, $entry: String, $locale: String) {{
  productPoints(product: $product, store: $store, entryChannel: $entry, locale: $locale) {{
    {ERRORS} ... on ProductPoints {{ standardPoints extraPoints standardText extraText text signUpPoints }}
  }}
}}
"""
PRODUCTS = f"""
query ($products: [ProductInput!]!) {{
  productPointsList(products: $products) {{
    {ERRORS} ... on ProductPointsList {{ products {{ standardPoints extraPoints text signUpPoints }} }}
  }}
}}
"""
QUOTE = f"""
query ($cart: EarnCartInput!) {{
  earnQuote(cart: $cart) {{
    {ERRORS}
    ... on CurrencyMismatch {{ expected given }}
    ... on EarnQuote {{ points signUpPoints ruleCount rules(first: 5) {{ label points exact }} }}
  }}
}}
"""
TEA = {"articleId": "tea", "price": "2.50"}


def tea(**more: Any) -> dict[str, Any]:
    return {"id": "1", "articleId": "tea", "quantity": 1, "amount": "2.50", **more}


async def quoted(shop: Shop, **cart: Any) -> Reply:
    return await shop.as_customer(QUOTE, cart={"currency": "EUR", "lines": [tea()], **cart})


async def test_a_product_has_the_texts_of_the_programme_in_the_language_asked_for(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule(points=7, targets=["tea"]))
    product = {**TEA, "quantity": 3}
    german = (await shop.as_server(PRODUCT, product=product)).data["productPoints"]
    assert (german["standardPoints"], german["extraPoints"]) == (8, 21)  # 7.50 is rounded once
    assert (german["standardText"], german["extraText"]) == ("8 Punkte", "+ 21 Punkte extra")
    assert german["text"] == "8 Punkte + 21 Punkte extra"
    polish = (await shop.as_server(PRODUCT, product=product, locale="pl")).data["productPoints"]
    assert polish["text"] == "8 punktów + 21 punktów ekstra"
    nothing = (await shop.as_server(PRODUCT, product={**TEA, "articleId": "gift", "price": 0})).data
    assert (nothing["productPoints"]["standardText"], nothing["productPoints"]["text"]) == (None, "")


async def test_a_list_tells_of_each_product_what_it_is_alone(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule(points=7, targets=["tea"], caps={"perDay": 9}))
    products = [{**TEA, "quantity": quantity} for quantity in (1, 2, "0.5")] * 10
    told = (await shop.as_server(PRODUCTS, products=products)).data["productPointsList"]["products"]
    alone = [(await shop.as_server(PRODUCT, product=product)).data["productPoints"] for product in products[:3]]
    assert told == [{key: points[key] for key in told[0]} for points in alone] * 10
    assert [points["extraPoints"] for points in told[:3]] == [7, 9, 4]


async def test_a_net_price_counts_where_the_programme_counts_net(shop: Shop) -> None:
    app = shop.client._transport.app  # type: ignore[attr-defined]
    net = await make_shop(app, shop.client, shop.clock, {"netBasis": True})
    for product, points in (({"netPrice": "10.00"}, 10), ({"netPrice": "10.00", "quantity": 3}, 30), ({}, 12)):
        answer = await net.as_server(PRODUCT, product={**TEA, "price": "11.90", **product})
        assert answer.data["productPoints"]["standardPoints"] == points


async def test_only_who_has_joined_is_not_told_of_points_for_joining(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    for customer, expected in (("c-1", None), ("stranger", 100)):
        told = await shop.as_customer(PRODUCT, customer=customer, product=TEA)
        quote = await shop.as_customer(QUOTE, customer=customer, cart={"currency": "EUR", "lines": [tea()]})
        assert told.data["productPoints"]["signUpPoints"] == expected
        assert quote.data["earnQuote"]["signUpPoints"] == expected


async def test_only_for_who_may_get_a_bonus_it_is_looked_up_whether_they_do(shop: Shop) -> None:
    app = shop.client._transport.app  # type: ignore[attr-defined]
    without = await make_shop(app, shop.client, shop.clock)
    await join_member(shop.installation, shop.programme)

    async def looked_up(asked: Shop, customer: str, query: str, **variables: Any) -> int:
        with statements() as seen:
            assert (await asked.as_customer(query, customer=customer, **variables)).data
        return sum("rejoin_block" in statement for statement in seen)

    for query, variables, once in (
        ("{ programme { signUpPoints } }", {}, 1),
        ("{ programme { name } }", {}, 0),
        (PRODUCT, {"product": TEA}, 1),
        (QUOTE, {"cart": {"currency": "EUR", "lines": [tea()]}}, 1),
    ):
        assert await looked_up(shop, "stranger", query, **variables) == once
        assert await looked_up(shop, "c-1", query, **variables) == 0, "a member"
        assert await looked_up(without, "stranger", query, **variables) == 0, "a programme without a bonus"


@pytest.mark.parametrize(
    ("product", "field"),
    [
        ({"price": "-1"}, "product.price"),
        ({"price": "1.1234567"}, "product.price"),
        ({"price": "99999999999999"}, "product.price"),
        ({"quantity": "-1"}, "product.quantity"),
        ({"quantity": "1.2345"}, "product.quantity"),
        ({"quantity": 10**7}, "product.quantity"),
        ({"price": "9999999999", "quantity": 2}, "product.quantity"),
        ({"netPrice": "2.51"}, "product.netPrice"),
        ({"articleId": ""}, "product.articleId"),
        ({"articleId": "x" * 129}, "product.articleId"),
        ({"variationId": "a\nb"}, "product.variationId"),
        ({"productGroupIds": ["a"] * 101}, "product.productGroupIds"),
    ],
)
async def test_a_product_that_cannot_be_is_refused_by_its_field(
    shop: Shop, product: dict[str, Any], field: str
) -> None:
    answer = (await shop.as_server(PRODUCT, product={**TEA, **product})).data["productPoints"]
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)
    products = [TEA, TEA, {**TEA, **product}]
    answer = (await shop.as_server(PRODUCTS, products=products)).data["productPointsList"]
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field.replace("product.", "products[2]."))


@pytest.mark.parametrize(
    "product", [{"price": 2.5}, {"price": None}, {"price": "1e9"}, {"kind": "GIFT"}, {"points": 1}]
)
async def test_what_is_no_product_at_all_is_an_error_of_graphql(shop: Shop, product: dict[str, Any]) -> None:
    reply = await shop.as_server(PRODUCT, product={**TEA, **product})
    assert (reply.status, set(reply.codes)) == (200, {"INVALID_VARIABLES"})


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"store": "moon"}, {"code": "UNKNOWN_STORE", "store": "moon"}),
        ({"store": "x" * 129}, {"code": "INVALID_INPUT", "field": "store"}),
        ({"store": ""}, {"code": "INVALID_INPUT", "field": "store"}),
        ({"entry": "x" * 65}, {"code": "INVALID_INPUT", "field": "entryChannel"}),
    ],
)
async def test_a_place_that_is_none_is_refused(
    shop: Shop, place: dict[str, str], expected: dict[str, str]
) -> None:
    answer = (await shop.as_server(PRODUCT, product=TEA, **place)).data["productPoints"]
    assert {key: answer[key] for key in expected} == expected


async def test_at_most_fifty_products_are_asked_about_at_once(shop: Shop) -> None:
    told = (await shop.as_server(PRODUCTS, products=[TEA] * 50)).data["productPointsList"]
    assert len(told["products"]) == 50
    refused = (await shop.as_server(PRODUCTS, products=[TEA] * 51)).data["productPointsList"]
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "products")
    assert (await shop.as_server(PRODUCTS, products=[])).data["productPointsList"]["products"] == []


@pytest.mark.parametrize(
    ("cart", "expected"),
    [
        ({"lines": []}, {"code": "INVALID_INPUT", "field": "cart.lines"}),
        ({"lines": [tea(id=str(n)) for n in range(1_001)]}, {"code": "INVALID_INPUT", "field": "cart.lines"}),
        ({"lines": [tea(), tea()]}, {"code": "INVALID_INPUT", "field": "cart.lines[1].id"}),
        ({"lines": [tea(amount="-2")]}, {"code": "INVALID_INPUT", "field": "cart.lines[0].amount"}),
        (
            {"lines": [tea(id=str(n), amount="9000000000") for n in range(2)]},
            {"code": "INVALID_INPUT", "field": "cart.lines"},
        ),
        ({"redeemedValue": "2.51"}, {"code": "INVALID_INPUT", "field": "cart.redeemedValue"}),
        ({"redeemedValue": "-1"}, {"code": "INVALID_INPUT", "field": "cart.redeemedValue"}),
        ({"deliveryFee": "1.234"}, {"code": "INVALID_INPUT", "field": "cart.deliveryFee"}),
        ({"placedAt": "0001-01-01T00:00:00Z"}, {"code": "INVALID_INPUT", "field": "cart.placedAt"}),
        ({"store": "moon"}, {"code": "UNKNOWN_STORE", "store": "moon"}),
        ({"currency": "PLN"}, {"code": "CURRENCY_MISMATCH", "given": "PLN"}),
    ],
)
async def test_a_cart_that_cannot_be_is_refused_by_its_field_and_nothing_is_written(
    shop: Shop, cart: dict[str, Any], expected: dict[str, str]
) -> None:
    before = await everything(shop.installation.db, shop.programme)
    answer = (await quoted(shop, **cart)).data["earnQuote"]
    assert {key: answer[key] for key in expected} == expected
    assert await everything(shop.installation.db, shop.programme) == before


async def test_more_points_than_can_be_counted_are_refused(shop: Shop) -> None:
    cart_rule = rule("CART", None, moneyPerPoint="0.0001", caps={"perOrder": 5})
    made = await add_rule(shop.installation, shop.programme, cart_rule)
    hundredfold = rule("MULTIPLIER", None, factor="100", targets=[made.key])
    await add_rule(shop.installation, shop.programme, hundredfold)
    answer = (await quoted(shop, lines=[tea(amount="10000000000")])).data["earnQuote"]
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "cart.lines")
    most = (await quoted(shop, lines=[tea(amount="900000000")])).data["earnQuote"]
    assert most["points"] == 900_000_000 + 5


async def test_r14_an_inactive_member_is_told(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await set_state(shop.installation, shop.programme.id, "c-1", MemberState.INACTIVE, now=shop.clock())
    assert (await quoted(shop)).data["earnQuote"]["code"] == "MEMBER_INACTIVE"


async def test_a_quote_shows_no_more_rules_than_are_asked_for(shop: Shop) -> None:
    for number in range(7):
        extra = rule(points=number + 1, targets=["tea"], stackGroup=str(number % 2))
        await add_rule(shop.installation, shop.programme, extra)
    told = (await quoted(shop)).data["earnQuote"]
    assert told["ruleCount"] == 8
    assert [each["points"] for each in told["rules"]] == [3, 6, 7, 0, 0]  # those that won come first
    assert told["points"] == 3 + 6 + 7
    assert told["rules"][0]["exact"] == "2.5"


async def test_a_cart_of_many_lines_is_quoted_like_any(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule(points=1, targets=["tea"]))
    lines = [tea(id=str(number), amount="0.50") for number in range(150)]
    assert (await quoted(shop, lines=lines)).data["earnQuote"]["points"] == 75 + 150


async def test_a_draft_tells_no_points(shop: Shop) -> None:
    app = shop.client._transport.app  # type: ignore[attr-defined]
    draft = await make_shop(app, shop.client, shop.clock, state=ProgrammeState.DRAFT)
    answers = [
        (await draft.as_server(PRODUCT, product=TEA)).data["productPoints"],
        (await draft.as_server(PRODUCTS, products=[TEA])).data["productPointsList"],
        (await quoted(draft)).data["earnQuote"],
    ]
    assert {answer["code"] for answer in answers} == {"PROGRAMME_NOT_OPEN"}
    assert (await draft.as_server("{ rules { id } guidelines { locale } }")).data["rules"] == []


SERVICE = f"""
query ($participants: Int! = 1, $store: ID, $locale: String) {{
  servicePoints(service: "cut", participants: $participants, store: $store, locale: $locale) {{
    {ERRORS} ... on ProductPoints {{ standardPoints extraPoints text signUpPoints }}
  }}
}}
"""


async def test_a_service_tells_what_booking_it_earns(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule("SERVICE", 25, targets=["cut"]))
    of_a_guest = {"standardPoints": 25, "extraPoints": 0, "text": "25 Punkte", "signUpPoints": 100}
    answer = (await shop.as_customer(SERVICE)).data["servicePoints"]
    assert answer == {"__typename": "ProductPoints", **of_a_guest}
    await join_member(shop.installation, shop.programme)
    group = (await shop.as_customer(SERVICE, participants=3, locale="en")).data["servicePoints"]
    assert (group["text"], group["signUpPoints"]) == ("75 points", None)
    refused = (await shop.as_customer(SERVICE, participants=0)).data["servicePoints"]
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "participants")
    assert (await shop.as_customer(SERVICE, store="moon")).data["servicePoints"]["code"] == "UNKNOWN_STORE"
