"""How an order is kept: whole, without personal data, and with a fingerprint of its content."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.orders import OrderContent, parse_order
from pointbook.domain.orders.writing import content_document
from tests.unit.documents import line, order, parsed

AMOUNTS = st.integers(0, 10**6).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
IDS = st.text("abcXYZ019-_ü€ ", min_size=1, max_size=6).filter(str.strip)
DISCOUNTS = st.lists(st.fixed_dictionaries({"amount": AMOUNTS}, optional={"code": IDS}), max_size=3)
LINES = st.fixed_dictionaries(
    {"articleId": IDS, "quantity": st.integers(0, 99), "amount": AMOUNTS},
    optional={
        "net": st.just("0.00"),
        "unitPrice": AMOUNTS,
        "variationId": IDS,
        "productGroupIds": st.lists(IDS, max_size=12),
        "kind": st.sampled_from(["ITEM", "MENU", "TOPPING"]),
        "toppingGroupId": IDS,
        "discounts": DISCOUNTS,
        "earns": st.booleans(),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    lines = [{"id": f"L{i}", **line} for i, line in enumerate(draw(st.lists(LINES, min_size=1, max_size=5)))]
    some_lines = st.lists(st.sampled_from([line["id"] for line in lines]), max_size=3)
    return order(
        *lines,
        store=draw(st.none() | IDS),
        discounts=[{**part, "lineIds": draw(some_lines)} for part in draw(DISCOUNTS)],
        shopVouchers=[{"code": "V", "type": "T", **part, "lineIds": draw(some_lines)} for part in draw(DISCOUNTS)],
        minimumOrderSurcharge=draw(st.none() | AMOUNTS),
        deliveryFee=draw(st.none() | AMOUNTS),
        payments=draw(st.none() | st.lists(st.fixed_dictionaries({"kind": IDS, "amount": AMOUNTS}), max_size=2)),
    )


@given(documents())
def test_what_is_stored_is_the_content_again(document: dict[str, Any]) -> None:
    content = parse_order(document, "EUR").content
    assert OrderContent.from_stored(json.loads(content.to_json())) == content


@given(documents())
def test_what_is_told_to_others_is_read_as_the_same_content(document: dict[str, Any]) -> None:
    content = parse_order(document, "EUR").content
    assert parse_order({**order(), **content_document(content, 2)}, "EUR").content == content


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same document: keys, lines and lists in another order."""
    if isinstance(value, dict):
        keys = dice.sample(sorted(value), len(value))
        return {key: shuffled(value[key], dice) for key in keys}
    if isinstance(value, list):
        return [shuffled(part, dice) for part in dice.sample(value, len(value))]
    return value


@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_keys_and_lines_makes_no_other_content(document: dict[str, Any], dice: random.Random) -> None:
    again = parse_order(shuffled(document, dice), "EUR")
    assert again.stored() == parse_order(document, "EUR").stored()


@pytest.mark.parametrize(
    "change",
    [
        {"status": "shipped"},
        {"customer": {"externalId": "4711", "email": "new@example.org", "emailVerified": True}},
        {"placedAt": "2026-03-01T11:00:00.000+01:00"},
        {"lines": [line(1, "10")]},
        {"lines": [line(1, "10.000", quantity="1.0", kind="ITEM", earns=True, productGroupIds=[])]},
        {"deliveryFee": "0.00", "discounts": [], "store": None},
    ],
)
def test_another_status_address_or_spelling_is_no_other_content(change: dict[str, Any]) -> None:
    assert parse_order({**order(), **change}, "EUR").stored() == parsed().stored()


@pytest.mark.parametrize(
    "change",
    [
        {"externalId": "O-2"},
        {"placedAt": "2026-03-01T10:00:00.000001Z"},
        {"customer": {"externalId": "4712"}},
        {"store": "7"},
        {"entryChannel": "7"},
        {"exitChannel": "7"},
        {"voucherCode": "ABCD-EFGH-JKMN"},
        {"deliveryFee": "0.01"},
        {"minimumOrderSurcharge": "0.01"},
        {"discounts": [{"amount": "0.01"}]},
        {"discounts": [{"amount": "0.00"}]},
        {"shopVouchers": [{"code": "V", "amount": "0.01"}]},
        {"payments": [{"kind": "CASH", "amount": "0.01"}]},
        {"lines": [line(1, "10.01")]},
        {"lines": [line(1, "10.00", quantity=2)]},
        {"lines": [line(1, "10.00", earns=False)]},
        {"lines": [line(1, "10.00", net="10.00")]},
        {"lines": [line(1, "10.00", kind="MENU")]},
        {"lines": [line(1, "10.00", variationId="V")]},
        {"lines": [line(1, "10.00", productGroupIds=["g"])]},
        {"lines": [line(1, "10.00", discounts=[{"amount": "0.01"}])]},
        {"lines": [line(1, "10.00"), line(2, "0.00")]},
        {"lines": [line(2, "10.00")]},
    ],
)
def test_every_other_change_is_another_content(change: dict[str, Any]) -> None:
    assert parse_order({**order(), **change}, "EUR").stored().fingerprint != parsed().stored().fingerprint


def test_a_field_cannot_pose_as_its_neighbour() -> None:
    by_store = parsed(store="7").stored()
    assert len({by_store.fingerprint, parsed(entryChannel="7").stored().fingerprint}) == 2


def test_no_personal_datum_is_stored() -> None:
    document = parsed(customer={"externalId": "4711-secret", "email": "jane@example.org", "emailVerified": True})
    assert "secret" not in document.stored().content
    assert "jane" not in document.stored().content


def test_the_fingerprint_of_an_order_never_changes() -> None:
    """Pinned: an order that is reported again after an update must still be the same order."""
    full = parsed(
        line(1, "20.00", kind="MENU", net="16.81"),
        line(2, "5.00", parentLineId="L1", discounts=[{"amount": "1.00"}], earns=False, quantity="0.5"),
        shopVouchers=[{"code": "SÜD", "amount": "1.00", "lineIds": ["L1"]}],
        deliveryFee="3.00",
    )
    assert full.stored().content == (
        '{"lines":{"id":["L1","L2"],"article_id":["A1","A2"],"quantity":[1000,500],"amount":[2000,500],'
        '"net":[1681,null],"parent_line_id":[null,"L1"],"kind":["MENU",null],"discounts":[null,[100]],'
        '"earns":[null,false]},'
        '"shopVouchers":[{"amount":100,"line_ids":["L1"],"code":"S\\u00dcD"}],"deliveryFee":300}'
    )
    assert full.stored().fingerprint.hex().startswith("4220003b46cf88fdc59735ef92d20af8")


def test_instants_are_compared_to_the_microsecond() -> None:
    one = parsed()
    later = parsed(placedAt=(one.placed_at + timedelta(microseconds=1)).isoformat())
    assert later.stored().fingerprint != one.stored().fingerprint
