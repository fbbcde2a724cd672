"""WooCommerce's orders as documents: the same total, whatever the cart; refunds told alike each time."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.adapters.woocommerce import Documents, documents_of
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import format_scaled
from pointbook.domain.orders import parse_order
from pointbook.domain.returns import parse_return
from pointbook.domain.returns.returned import NOTHING_RETURNED, Ordered
from tests.adapters import payloads


def mapped(payload: dict[str, Any]) -> Documents:
    found = documents_of(payload)
    assert found is not None
    return found


def content_of(payload: dict[str, Any]) -> Any:
    return parse_order(mapped(payload).order, "EUR").content


def test_an_order_is_told_in_our_words() -> None:
    lines = [
        payloads.line(
            1, "40.00", subtotal_tax="7.60", total="36.00", total_tax="6.84", variation_id=11, quantity=2
        ),
        payloads.line(2, "10.00", subtotal_tax="1.90", total="9.00", total_tax="1.71", quantity=0.5),
    ]
    payload = payloads.order(
        line_items=lines,
        fee_lines=[payloads.fee("2.00", "0.38"), payloads.fee("-1.00", "-0.19")],
        shipping_total="4.00",
        shipping_tax="0.76",
        coupon_lines=[payloads.coupon("spring", "5.00", "0.95")],
    )
    assert mapped(payload) == Documents(
        {
            "externalId": "700",
            "type": "SALE",
            "status": "processing",
            "statusAt": "2026-03-01T08:31:00Z",
            "placedAt": "2026-03-01T08:30:00Z",
            "currency": "EUR",
            "customer": {"externalId": "7", "email": "clara@example.com"},
            "lines": [
                {
                    "id": "1",
                    "articleId": "101",
                    "variationId": "11",
                    "quantity": "2",
                    "amount": "47.60",
                    "net": "40.00",
                },
                {
                    "id": "2",
                    "articleId": "102",
                    "variationId": None,
                    "quantity": "0.5",
                    "amount": "11.90",
                    "net": "10.00",
                },
            ],
            "shopVouchers": [{"code": "spring", "amount": "5.95"}],
            "discounts": [{"amount": "1.19"}],
            "minimumOrderSurcharge": "2.38",
            "deliveryFee": "4.76",
            "voucherCode": None,
        },
        (),
    )
    assert content_of(payload).total == 5950 - 595 - 119 + 238 + 476


def test_a_voucher_of_ours_is_paid_with_points_and_no_discount() -> None:
    lines = [payloads.line(1, "50.00", total="35.00")]
    coupons = [payloads.coupon("abcd-efgh-1234", "10.00"), payloads.coupon("spring", "5.00")]
    order = parse_order(mapped(payloads.order(line_items=lines, coupon_lines=coupons)).order, "EUR")
    assert order.voucher_code == "ABCD-EFGH-1234"
    assert [voucher.code for voucher in order.content.shop_vouchers] == ["spring"]
    assert order.content.total == 4500  # 35.00 with money, 10.00 with points


@pytest.mark.parametrize(
    "code", ["blackfriday1", "abcdefgh1234", "abcd-efgh-123", "abcd-efgh-12345", "abcd-efgu-1234"]
)
def test_a_coupon_that_only_resembles_a_voucher_is_the_shop_s(code: str) -> None:
    order = mapped(payloads.order(coupon_lines=[payloads.coupon(code, "0.00")])).order
    assert (order["voucherCode"], order["shopVouchers"]) == (None, [{"code": code, "amount": "0.00"}])


def test_of_two_vouchers_one_is_ours() -> None:
    coupons = [payloads.coupon("aaaa-aaaa-aaaa", "0.00"), payloads.coupon("bbbb-bbbb-bbbb", "0.00")]
    order = mapped(payloads.order(coupon_lines=coupons)).order
    assert order["voucherCode"] == "AAAA-AAAA-AAAA"
    assert [voucher["code"] for voucher in order["shopVouchers"]] == ["bbbb-bbbb-bbbb"]


def test_a_guest_is_a_customer_of_one_order() -> None:
    customer = parse_order(mapped(payloads.order(customer=0)).order, "EUR").customer
    assert (customer.external_id, customer.email_verified) == ("guest:700", False)


@pytest.mark.parametrize("email", ["", "nobody", None, 7, "a b@example.com"])
def test_an_address_that_is_none_is_left_out(email: object) -> None:
    assert mapped(payloads.order(billing={"email": email})).order["customer"] == {"externalId": "7"}


@pytest.mark.parametrize("more", [{"status": "checkout-draft"}, {"status": "auto-draft"}, {"line_items": []}])
def test_a_draft_is_no_order_yet(more: dict[str, Any]) -> None:
    assert documents_of(payloads.order(**more)) is None


def test_what_staff_changed_without_a_coupon_is_in_the_total() -> None:
    dearer = payloads.line(1, "50.00", total="60.00", total_tax="1.00")
    cheaper = payloads.line(2, "50.00", total="30.00")
    assert content_of(payloads.order(line_items=[dearer, cheaper])).total == 9100
    gift_card = payloads.order() | {"total": "20.00"}  # a plugin took 30.00 off the total alone
    assert content_of(gift_card).total == 2000


cents = st.integers(0, 1_000_000)


def text(amount: int) -> str:
    return format_scaled(amount, 2)


@st.composite
def carts(draw: st.DrawFn) -> dict[str, Any]:
    """Whatever a shop may send: coupons, taxes, fees of either sign, free lines, totals that are cents off."""
    lines = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        subtotal, tax = draw(cents), draw(st.integers(0, 200_000))
        total = draw(st.integers(0, subtotal))
        more = {"subtotal_tax": text(tax), "total": text(total), "total_tax": text(draw(st.integers(0, tax)))}
        lines.append(payloads.line(number, text(subtotal), **more))
    coupons = [payloads.coupon(code, text(draw(cents))) for code in draw(st.lists(st.sampled_from(["a", "b"])))]
    fees = [payloads.fee(text(amount)) for amount in draw(st.lists(st.integers(-500, 10_000), max_size=3))]
    cart = payloads.order(
        line_items=lines,
        coupon_lines=coupons,
        fee_lines=fees,
        shipping_total=text(draw(st.integers(0, 2_000))),
        shipping_tax=text(draw(st.integers(0, 400))),
    )
    total = max(0, paid_of(cart) + draw(st.integers(-3, 3)))
    voucher = min(total, draw(st.integers(0, 5_000)))
    if voucher:
        cart["coupon_lines"].append(payloads.coupon("aaaa-bbbb-cccc", text(voucher)))
    return cart | {"total": text(total - voucher)}


@given(carts())
def test_the_total_is_woocommerce_s_and_what_points_paid(cart: dict[str, Any]) -> None:
    assert content_of(cart).total == paid_of(cart) + voucher_of(cart)


def paid_of(cart: dict[str, Any]) -> int:
    return int(Decimal(cart["total"]) * 100)


def voucher_of(cart: dict[str, Any]) -> int:
    return sum(int(Decimal(coupon["discount"]) * 100) for coupon in cart["coupon_lines"] if "-" in coupon["code"])


@given(carts(), st.lists(st.integers(0, 500_000), max_size=6))
def test_refunds_are_told_alike_each_time_and_take_back_their_money(
    cart: dict[str, Any], amounts: list[int]
) -> None:
    paid = paid_of(cart)
    refunds = [payloads.refund(number, text(amount)) for number, amount in enumerate(amounts, 1)]
    everything = mapped(cart | {"refunds": list(reversed(refunds))}).returns
    for known in range(len(refunds) + 1):
        told = mapped(cart | {"refunds": refunds[:known]}).returns
        assert told == everything[: len(told)]
    ordered = Ordered(content_of(cart), "EUR")
    walked = ordered.walked([parse_return(document, "EUR").content for document in everything])
    value = ordered.figures(sum(walked, NOTHING_RETURNED)).value
    parts = len(cart["line_items"]) + 2
    if sum(amounts) >= paid:
        assert value == (ordered.total if paid and any(amounts) else 0)
    else:
        assert abs(value - Decimal(sum(amounts)) * ordered.total / paid) <= parts


def test_refunds_take_back_their_share_of_everything() -> None:
    payload = payloads.order(
        line_items=[payloads.line(1, "30.00"), payloads.line(2, "15.00")],
        shipping_total="5.00",
        refunds=[payloads.refund(902, "30.00"), payloads.refund(901, "10.00"), payloads.refund(903, "10.00")],
    )
    head = {"orderExternalId": "700", "currency": "EUR", "type": "CREDIT_NOTE"}
    assert list(mapped(payload).returns) == [
        {
            **head,
            "externalId": "wc-refund-901",
            "lines": [{"id": "1", "amount": "6.00"}, {"id": "2", "amount": "3.00"}],
            "deliveryFee": "1.00",
        },
        {
            **head,
            "externalId": "wc-refund-902",
            "lines": [{"id": "1", "amount": "18.00"}, {"id": "2", "amount": "9.00"}],
            "deliveryFee": "3.00",
        },
        {**head, "externalId": "wc-refund-903", "everything": True},
    ]


@pytest.mark.parametrize(
    ("status", "refunds", "ids"),
    [
        ("cancelled", [], ["wc-cancelled-700-2026-03-01T08:31:00Z"]),
        ("cancelled", [("1", "50.00")], ["wc-refund-1", "wc-cancelled-700-2026-03-01T08:31:00Z"]),
        ("refunded", [("1", "50.00")], ["wc-refund-1"]),
        ("refunded", [("1", "20.00")], ["wc-refund-1", "wc-refunded-700"]),
        ("refunded", [], ["wc-refunded-700"]),
        ("completed", [("1", "0.00")], []),
        ("completed", [("1", "50.00"), ("2", "10.00")], ["wc-refund-1"]),
        ("failed", [], []),
    ],
)
def test_a_status_says_that_all_is_taken_back(status: str, refunds: list[tuple[str, str]], ids: list[str]) -> None:
    made = [payloads.refund(int(refund_id), amount) for refund_id, amount in refunds]
    assert [
        document["externalId"] for document in mapped(payloads.order(status=status, refunds=made)).returns
    ] == ids


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"id": None}, "id"),
        ({"id": "700"}, "id"),
        ({"id": True}, "id"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": ["EUR"]}, "currency"),
        ({"line_items": {}}, "line_items"),
        ({"line_items": [1]}, "line_items[0]"),
        ({"line_items": [payloads.line(subtotal="ten")]}, "line_items[0].subtotal"),
        ({"line_items": [payloads.line(subtotal="1e9")]}, "line_items[0].subtotal"),
        ({"line_items": [payloads.line(subtotal=1e300)]}, "line_items[0].subtotal"),
        ({"line_items": [payloads.line(subtotal=[1])]}, "line_items[0].subtotal"),
        ({"line_items": [payloads.line(quantity=None)]}, "line_items[0].quantity"),
        ({"line_items": [payloads.line(product_id="x")]}, "line_items[0].product_id"),
        ({"coupon_lines": [{"code": 1}]}, "coupon_lines[0].code"),
        ({"coupon_lines": 5}, "coupon_lines"),
        ({"refunds": [{"id": 1, "total": {}}]}, "refunds[0].total"),
        ({"refunds": [{"total": "-1"}]}, "refunds[0].id"),
        ({"customer_id": -1}, "customer_id"),
        ({"total": "-1.00"}, "total"),
    ],
)
def test_what_is_no_order_is_refused_by_woocommerce_s_field(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        documents_of(payloads.order() | more)
    assert refusal.value.field == field


@pytest.mark.parametrize("status", [None, [], {"a": 1}, 5])
def test_a_status_that_is_no_text_is_left_to_the_document(status: object) -> None:
    with pytest.raises(InvalidInput, match="status"):
        parse_order(mapped(payloads.order() | {"status": status}).order, "EUR")
