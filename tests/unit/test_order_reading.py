"""Order documents as shops and strangers send them: what is read, what is refused, and with which path."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import CurrencyMismatch, InvalidInput, PointbookError
from pointbook.domain.orders import Customer, Discount, Line, LineKind, OrderType, Payment, parse_order
from pointbook.domain.reading import instant
from tests.unit.documents import content, line, order, parsed

Change = Callable[[dict[str, Any]], Any]


def test_every_field_is_read() -> None:
    read = parsed(
        line(1, "20.00", kind="MENU", net="16.81", tax="3.19"),
        line(
            2,
            "12.50",
            quantity="1.250",
            unitPrice="10.0005",
            variationId="V1",
            productGroupIds=["b", "a", "b"],
            parentLineId="L1",
            kind="ITEM",
            earns=False,
            discounts=[{"amount": "0.50", "code": "WEEKEND"}, {"amount": "0.25"}],
        ),
        line(3, "1.00", kind="TOPPING", toppingGroupId="cheese", parentLineId="L2", tax="0.16"),
        store="7",
        entryChannel="web shop",
        exitChannel="delivery",
        customer={"externalId": "4711", "email": "a@example.org", "emailVerified": True},
        discounts=[{"amount": "2.00"}, {"amount": "1.00", "lineIds": ["L2", "L1"]}],
        shopVouchers=[{"code": "SUMMER", "type": "PERCENT", "amount": "3.00", "lineIds": ["L1"]}],
        minimumOrderSurcharge="1.00",
        deliveryFee="4.90",
        voucherCode="ABCD-EFGH-JKMN",
        payments=[{"kind": "PAYPAL", "amount": "10.00"}, {"kind": "CASH", "amount": "5"}],
    )
    assert (read.external_id, read.type, read.status, read.currency) == (
        "O-1",
        OrderType.SALE,
        "goods booked out",
        "EUR",
    )
    assert read.placed_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (read.store, read.entry_channel, read.exit_channel) == ("7", "web shop", "delivery")
    assert read.customer == Customer("4711", "a@example.org", email_verified=True)
    assert read.voucher_code == "ABCD-EFGH-JKMN"
    assert read.content.lines == (
        Line("L1", "A1", 1000, 2000, net=1681, kind=LineKind.MENU),
        Line(
            "L2",
            "A2",
            1250,
            1250,
            unit_price=10_000_500,
            variation_id="V1",
            product_group_ids=("a", "b"),
            parent_line_id="L1",
            discounts=(Discount(25), Discount(50, code="WEEKEND")),
            earns=False,
        ),
        Line("L3", "A3", 1000, 100, net=84, parent_line_id="L2", kind=LineKind.TOPPING, topping_group_id="cheese"),
    )
    assert read.content.discounts == (Discount(200), Discount(100, ("L1", "L2")))
    assert read.content.shop_vouchers == (Discount(300, ("L1",), "SUMMER", "PERCENT"),)
    assert (read.content.minimum_order_surcharge, read.content.delivery_fee) == (100, 490)
    assert read.content.payments == (Payment("CASH", 500), Payment("PAYPAL", 1000))


def test_what_is_missing_or_null_has_its_default() -> None:
    nulls = dict.fromkeys(
        (
            "store",
            "entryChannel",
            "exitChannel",
            "discounts",
            "minimumOrderSurcharge",
            "deliveryFee",
            "shopVouchers",
        )
    )
    line_nulls = dict.fromkeys(
        ("variationId", "productGroupIds", "unitPrice", "net", "tax", "parentLineId", "kind", "discounts", "earns")
    )
    bare = parsed(line(1, "10.00"))
    document = order({**line(1, "10.00"), **line_nulls, "toppingGroupId": None})
    assert parse_order({**document, **nulls, "voucherCode": None, "payments": None}, "EUR") == bare
    assert bare.content.lines == (Line("L1", "A1", 1000, 1000),)


def test_amounts_are_in_the_programmes_currency() -> None:
    yen = parse_order(order(line(1, "1000", unitPrice="333.3333"), currency="JPY"), "JPY")
    assert (yen.content.total, yen.content.lines[0].unit_price) == (1000, 3_333_333)
    dinar = parse_order(order(line(1, "1.234"), currency="KWD"), "KWD")
    assert dinar.content.total == 1234
    with pytest.raises(CurrencyMismatch) as mismatch:
        parse_order(order(currency="PLN"), "EUR")
    assert (mismatch.value.expected, mismatch.value.given) == ("EUR", "PLN")


def test_the_amount_of_a_line_is_authoritative() -> None:
    by_weight = line(1, "9.99", quantity="0.333", unitPrice="100.00")
    given_away = line(2, "0.00", quantity=3, unitPrice="5.00")
    without_quantity = line(3, "2.50", quantity=0)
    many = line(4, "1.00", quantity=1_000_000)
    assert content(by_weight, given_away, without_quantity, many).total == 1349


def test_the_total_is_what_is_left_to_pay_and_never_negative() -> None:
    fees = {"minimumOrderSurcharge": "1.00", "deliveryFee": "2.00"}
    whole = content(line(1, "10.00", discounts=[{"amount": "1.00"}]), line(2, "5.00"), **fees)
    assert (whole.goods, whole.reductions, whole.total) == (1500, 100, 1700)
    reduced = content(discounts=[{"amount": "4.00"}], shopVouchers=[{"code": "V", "amount": "3.00"}], **fees)
    assert reduced.total == 600
    assert content(discounts=[{"amount": "11.00"}], **fees).total == 200
    assert content(discounts=[{"amount": "99.00"}], **fees).total == 0


REFUSALS: dict[str, tuple[Change, str]] = {
    "unknown key": (lambda d: d.update(lInes=[]), "lInes"),
    "unknown key of a line": (lambda d: d["lines"][1].update(amonut="1"), "lines[1].amonut"),
    "unknown key of a customer": (lambda d: d["customer"].update(name="A"), "customer.name"),
    "unknown key of a discount": (
        lambda d: d.update(discounts=[{"amount": "1", "type": "x"}]),
        "discounts[0].type",
    ),
    "line ids in a line": (
        lambda d: d["lines"][0].update(discounts=[{"amount": "1", "lineIds": []}]),
        "lines[0].discounts[0].lineIds",
    ),
    "hostile key": (lambda d: d.update({"\ud800\x00": 1}), "\\ud800\\x00"),
    "no id": (lambda d: d.pop("externalId"), "externalId"),
    "id too long": (lambda d: d.update(externalId="x" * 129), "externalId"),
    "id with NUL": (lambda d: d.update(externalId="O\x00"), "externalId"),
    "id with a lone surrogate": (lambda d: d.update(externalId="O\ud800"), "externalId"),
    "id a number": (lambda d: d.update(externalId=1), "externalId"),
    "no type": (lambda d: d.pop("type"), "type"),
    "a return": (lambda d: d.update(type="CREDIT_NOTE"), "type"),
    "no status": (lambda d: d.update(status=None), "status"),
    "status too long": (lambda d: d.update(status="x" * 65), "status"),
    "no instant": (lambda d: d.pop("placedAt"), "placedAt"),
    "no offset": (lambda d: d.update(placedAt="2026-03-01T10:00:00"), "placedAt"),
    "no currency": (lambda d: d.pop("currency"), "currency"),
    "currency a number": (lambda d: d.update(currency=978), "currency"),
    "blank store": (lambda d: d.update(store=" "), "store"),
    "channel too long": (lambda d: d.update(entryChannel="x" * 65), "entryChannel"),
    "exit channel a list": (lambda d: d.update(exitChannel=["delivery"]), "exitChannel"),
    "no customer": (lambda d: d.pop("customer"), "customer"),
    "customer a text": (lambda d: d.update(customer="4711"), "customer"),
    "customer without id": (lambda d: d.update(customer={}), "customer.externalId"),
    "bad address": (lambda d: d["customer"].update(email="a"), "customer.email"),
    "bad truth": (lambda d: d["customer"].update(emailVerified="yes"), "customer.emailVerified"),
    "no lines": (lambda d: d.pop("lines"), "lines"),
    "empty lines": (lambda d: d.update(lines=[]), "lines"),
    "lines an object": (lambda d: d.update(lines={}), "lines"),
    "lines a text": (lambda d: d.update(lines="lines"), "lines"),
    "too many lines": (lambda d: d.update(lines=[line(n, "1") for n in range(1001)]), "lines"),
    "a line null": (lambda d: d["lines"].append(None), "lines[2]"),
    "a line a list": (lambda d: d["lines"].append([]), "lines[2]"),
    "line without id": (lambda d: d["lines"][0].pop("id"), "lines[0].id"),
    "line id twice": (lambda d: d["lines"].append(line(0, "1")), "lines[2].id"),
    "line without article": (lambda d: d["lines"][0].update(articleId=None), "lines[0].articleId"),
    "line without quantity": (lambda d: d["lines"][1].pop("quantity"), "lines[1].quantity"),
    "quantity negative": (lambda d: d["lines"][1].update(quantity=-1), "lines[1].quantity"),
    "quantity too fine": (lambda d: d["lines"][1].update(quantity="0.0001"), "lines[1].quantity"),
    "quantity too large": (lambda d: d["lines"][1].update(quantity="1000000.001"), "lines[1].quantity"),
    "quantity a float": (lambda d: d["lines"][1].update(quantity=1.5), "lines[1].quantity"),
    "line without amount": (lambda d: d["lines"][1].pop("amount"), "lines[1].amount"),
    "amount negative": (lambda d: d["lines"][1].update(amount="-1.00"), "lines[1].amount"),
    "amount a float": (lambda d: d["lines"][1].update(amount=9.99), "lines[1].amount"),
    "amount too fine": (lambda d: d["lines"][1].update(amount="9.999"), "lines[1].amount"),
    "amount too large": (lambda d: d["lines"][1].update(amount="10000000000.01"), "lines[1].amount"),
    "amounts too large together": (lambda d: d["lines"][1].update(amount="10000000000.00"), "lines"),
    "price negative": (lambda d: d["lines"][1].update(unitPrice="-0.01"), "lines[1].unitPrice"),
    "price too fine": (lambda d: d["lines"][1].update(unitPrice="0.0000001"), "lines[1].unitPrice"),
    "net above amount": (lambda d: d["lines"][1].update(net="5.01"), "lines[1].net"),
    "tax above amount": (lambda d: d["lines"][1].update(tax="5.01"), "lines[1].tax"),
    "variation a number": (lambda d: d["lines"][1].update(variationId=5), "lines[1].variationId"),
    "groups a text": (lambda d: d["lines"][1].update(productGroupIds="ab"), "lines[1].productGroupIds"),
    "group a number": (lambda d: d["lines"][1].update(productGroupIds=["a", 1]), "lines[1].productGroupIds[1]"),
    "group blank": (lambda d: d["lines"][1].update(productGroupIds=["a", ""]), "lines[1].productGroupIds[1]"),
    "many groups, one blank": (
        lambda d: d["lines"][1].update(productGroupIds=[*map(str, range(50)), " "]),
        "lines[1].productGroupIds[50]",
    ),
    "too many groups": (lambda d: d["lines"][1].update(productGroupIds=["a"] * 101), "lines[1].productGroupIds"),
    "unknown parent": (lambda d: d["lines"][1].update(parentLineId="X"), "lines[1].parentLineId"),
    "own parent": (lambda d: d["lines"][1].update(parentLineId="L1"), "lines[1].parentLineId"),
    "parents in a ring": (
        lambda d: [d["lines"][i].update(parentLineId=f"L{1 - i}") for i in (0, 1)],
        "lines[0].parentLineId",
    ),
    "unknown kind": (lambda d: d["lines"][1].update(kind="item"), "lines[1].kind"),
    "kind a list": (lambda d: d["lines"][1].update(kind=[]), "lines[1].kind"),
    "topping group a number": (lambda d: d["lines"][1].update(toppingGroupId=1), "lines[1].toppingGroupId"),
    "earns a text": (lambda d: d["lines"][1].update(earns="no"), "lines[1].earns"),
    "discount negative": (
        lambda d: d["lines"][1].update(discounts=[{"amount": "-1"}]),
        "lines[1].discounts[0].amount",
    ),
    "discount without amount": (lambda d: d.update(discounts=[{"amount": "1"}, {}]), "discounts[1].amount"),
    "too many discounts": (lambda d: d.update(discounts=[{"amount": "1"}] * 101), "discounts"),
    "discount of no line": (
        lambda d: d.update(discounts=[{"amount": "1", "lineIds": ["X"]}]),
        "discounts[0].lineIds",
    ),
    "voucher without code": (lambda d: d.update(shopVouchers=[{"amount": "1"}]), "shopVouchers[0].code"),
    "voucher type a number": (
        lambda d: d.update(shopVouchers=[{"code": "V", "amount": "1", "type": 1}]),
        "shopVouchers[0].type",
    ),
    "surcharge negative": (lambda d: d.update(minimumOrderSurcharge=-1), "minimumOrderSurcharge"),
    "fee a truth": (lambda d: d.update(deliveryFee=True), "deliveryFee"),
    "code a number": (lambda d: d.update(voucherCode=1), "voucherCode"),
    "payment without kind": (lambda d: d.update(payments=[{"amount": "1"}]), "payments[0].kind"),
    "payment negative": (lambda d: d.update(payments=[{"kind": "CASH", "amount": "-1"}]), "payments[0].amount"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_is_refused_with_its_path(name: str) -> None:
    change, path = REFUSALS[name]
    document = order(line(0, "5.00"), line(1, "5.00"))
    parse_order(document, "EUR")
    change(document)
    with pytest.raises(InvalidInput) as refusal:
        parse_order(document, "EUR")
    assert refusal.value.field == path


@pytest.mark.parametrize("document", [None, [], "x", 1, True, 1.5, [{}]])
def test_what_is_no_object_is_no_order(document: object) -> None:
    with pytest.raises(InvalidInput, match="order: must be an object"):
        parse_order(document, "EUR")


def test_toppings_of_an_article_of_a_menu_are_deep_enough() -> None:
    nested = [line(0, "1"), *(line(n, "1", parentLineId=f"L{n - 1}") for n in range(1, 7))]
    assert len(content(*nested[:5]).lines) == 5
    with pytest.raises(InvalidInput, match=r"lines\[5\].parentLineId: has more than 4 lines above it"):
        content(*nested)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01t10:00:00.5z", datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01 10:00:00.123456789+01:00", datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T10:00:00-00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=-5))), datetime(2026, 3, 1, 15, tzinfo=UTC)),
    ],
)
def test_an_instant_is_rfc_3339_with_an_offset(text: object, utc: datetime) -> None:
    assert instant("placedAt", text) == utc
    assert instant("placedAt", text).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        *("2026-03-01", "2026-03-01T10:00Z", "2026-03-01T10:00:00", "20260301T100000Z", "2026-W09-7T10:00:00Z"),
        *("2026-03-01T10:00:00+0100", "2026-03-01T10:00:00,5Z", "2026-13-01T10:00:00Z", "2026-02-30T10:00:00Z"),
        *("2026-03-01T24:00:00Z", "2026-03-01T10:00:60Z", "2026-03-01T10:00:00+99:00", "٢026-03-01T10:00:00Z"),
        *(
            "1969-12-31T23:59:59Z",
            "3000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        ),
        *("", "now", 1_772_359_200, True, None, datetime(2026, 3, 1, 10)),  # noqa: DTZ001
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="placedAt"):
        instant("placedAt", value)


def test_decimals_and_instants_of_a_typed_caller_are_taken() -> None:
    """GraphQL scalars arrive as Decimal and datetime."""
    typed = order(line(1, "12.50", quantity=Decimal("1.5")), placedAt=datetime(2026, 3, 1, 10, tzinfo=UTC))
    typed["lines"][0]["amount"] = Decimal("12.50")
    assert parse_order(typed, "EUR") == parsed(line(1, "12.50", quantity="1.5"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_anything_in_any_place_is_read_or_refused_by_name(data: st.DataObject) -> None:
    """Nothing but a typed refusal comes out, whatever stands wherever; its text can be sent and stored."""
    document = order(line(0, "5.00"), line(1, "5.00"))
    place = data.draw(st.sampled_from([document, document["customer"], document["lines"][1]]))
    keys = sorted(
        {*place, "store", "discounts", "shopVouchers", "payments", "deliveryFee", "kind", "unitPrice", "net"}
    )
    place[data.draw(st.sampled_from(keys))] = data.draw(JSON)
    try:
        stored = parse_order(document, "EUR").stored()
    except PointbookError as refusal:
        if isinstance(refusal, InvalidInput):
            str(refusal).encode()
            refusal.field.encode()
    else:
        assert json.loads(stored.content)
