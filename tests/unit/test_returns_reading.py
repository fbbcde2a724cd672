"""Return documents as shops and strangers send them, and how they are kept."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import CurrencyMismatch, InvalidInput, PointbookError
from pointbook.domain.returns import ReturnContent, ReturnedLine, ReturnType, parse_return
from pointbook.domain.returns.writing import content_document
from tests.unit.return_documents import EVERYTHING, back, parsed, returned


def test_every_field_is_read() -> None:
    read = parsed(
        {"id": "L2", "quantity": "1.5"},
        {"id": "L1", "quantity": 2, "amount": "7.50"},
        {"id": "L3", "amount": 3},
        "L4",
        type="CREDIT_NOTE",
        status="booked",
        returnedAt="2026-03-05T10:00:00+01:00",
        deliveryFee="4.90",
        minimumOrderSurcharge="1.00",
    )
    assert (read.external_id, read.type, read.order_external_id) == ("R-1", ReturnType.CREDIT_NOTE, "O-1")
    assert (read.status, read.currency) == ("booked", "EUR")
    assert read.returned_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert read.content == ReturnContent(
        (
            ReturnedLine("L1", 2000, 750),
            ReturnedLine("L2", 1500),
            ReturnedLine("L3", None, 300),
            ReturnedLine("L4"),
        ),
        minimum_order_surcharge=100,
        delivery_fee=490,
    )


def test_what_is_missing_is_unknown_and_everything_is_said_or_cancelled() -> None:
    read = parsed(everything=True, lines=None)
    assert (read.returned_at, read.status, read.content) == (None, None, EVERYTHING)
    assert returned(type="CANCELLATION") == returned(type="CANCELLATION", everything=True) == EVERYTHING
    assert returned({"id": "L1", "quantity": 1, "amount": 0}).lines == (ReturnedLine("L1", 1000, 0),)
    assert returned(deliveryFee="4.90") == ReturnContent(delivery_fee=490)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (back("L1", externalId=None), "externalId"),
        (back("L1", externalId=""), "externalId"),
        (back("L1", orderExternalId=None), "orderExternalId"),
        (back("L1", orderExternalId=7), "orderExternalId"),
        (back("L1", type=None), "type"),
        (back("L1", type="SALE"), "type"),
        (back("L1", type="return"), "type"),
        (back("L1", currency=None), "currency"),
        (back("L1", returnedAt="2026-03-05"), "returnedAt"),
        (back("L1", status=""), "status"),
        (back("L1", customer={}), "customer"),
        (back("L1", everything=1), "everything"),
        (back("L1", everything=True), "everything"),
        (back(deliveryFee="1", everything=True), "everything"),
        (back("L1", type="CANCELLATION"), "everything"),
        (back(type="CANCELLATION", everything=False), "everything"),
        (back(), "lines"),
        (back(everything=False, deliveryFee=0), "lines"),
        (back(lines="L1"), "lines"),
        (back("L1", lines=["L1"]), "lines[0]"),
        (back("L1", "L2", "L1"), "lines[2].id"),
        (back({"quantity": 1}), "lines[0].id"),
        (back("L1", {"id": "L2", "quantity": 0}), "lines[1].quantity"),
        (back({"id": "L1", "quantity": "-1"}), "lines[0].quantity"),
        (back({"id": "L1", "quantity": 1.0}), "lines[0].quantity"),
        (back({"id": "L1", "quantity": "0.0001"}), "lines[0].quantity"),
        (back({"id": "L1", "amount": 0}), "lines[0].amount"),
        (back({"id": "L1", "amount": "0.001"}), "lines[0].amount"),
        (back({"id": "L1", "quantity": 1, "amount": "-1"}), "lines[0].amount"),
        (back({"id": "L1", "articleId": "A1"}), "lines[0].articleId"),
        (back(deliveryFee="1.001"), "deliveryFee"),
        (back(minimumOrderSurcharge=-1), "minimumOrderSurcharge"),
        ([], "return"),
        (None, "return"),
    ],
)
def test_what_is_refused_names_its_field(document: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_return(document, "EUR")
    assert refusal.value.field == field


def test_another_currency_is_a_mismatch() -> None:
    with pytest.raises(CurrencyMismatch):
        parse_return(back("L1", currency="PLN"), "EUR")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = [*back("L1"), "status", "returnedAt", "deliveryFee", "minimumOrderSurcharge", "everything"]


@given(st.sampled_from(FIELDS), JSON, JSON)
def test_nothing_that_a_stranger_writes_is_a_defect(name: str, value: Any, line: Any) -> None:
    for document in (back("L1") | {name: value}, back(line), value):
        try:
            parse_return(document, "EUR")
        except PointbookError:
            continue


AMOUNTS = st.integers(1, 10**6)
LINES = st.builds(ReturnedLine, st.text("ab ü", min_size=1), st.none() | AMOUNTS, st.none() | AMOUNTS)
CONTENTS = st.just(EVERYTHING) | st.builds(
    ReturnContent, st.lists(LINES, max_size=3).map(tuple), st.integers(0, 9), st.integers(0, 9)
)


TOLD = [
    EVERYTHING,
    parsed({"id": "L1", "quantity": 2, "amount": "7.50"}, {"id": "L2", "quantity": "0.125"}, "L3").content,
    parsed({"id": "L1", "amount": "0.01"}, deliveryFee="4.90").content,
    parsed(minimumOrderSurcharge="1.00").content,
]


@pytest.mark.parametrize("content", TOLD)
def test_what_is_told_to_others_is_read_as_the_same_content(content: ReturnContent) -> None:
    head = {"externalId": "R-1", "type": "RETURN", "orderExternalId": "O-1", "currency": "EUR"}
    assert parse_return({**head, **content_document(content, 2)}, "EUR").content == content


@given(CONTENTS)
def test_what_is_stored_is_the_content_again(content: ReturnContent) -> None:
    assert ReturnContent.from_stored(json.loads(content.to_json())) == content


def test_the_stored_form_leaves_out_what_has_its_default() -> None:
    assert EVERYTHING.to_json() == '{"everything":true}'
    lines = returned({"id": "L1", "quantity": 2}, "L2", deliveryFee="4.90")
    assert lines.to_json() == '{"lines":[{"id":"L1","quantity":2000},{"id":"L2"}],"deliveryFee":490}'


def test_the_fingerprint_is_of_what_is_said_and_not_of_how() -> None:
    same = [
        parsed({"id": "L1", "quantity": 1}, "L2", returnedAt="2026-03-05T10:00:00Z"),
        parsed("L2", {"quantity": "1.000", "id": "L1"}, returnedAt="2026-03-05T11:00:00+01:00", status="booked"),
        parsed({"id": "L1", "quantity": Decimal(1)}, "L2", returnedAt="2026-03-05T10:00:00Z", everything=False),
    ]
    others = [
        parsed({"id": "L1", "quantity": 1}, "L2"),
        parsed({"id": "L1", "quantity": 2}, "L2", returnedAt="2026-03-05T10:00:00Z"),
        parsed({"id": "L1", "quantity": 1}, returnedAt="2026-03-05T10:00:00Z"),
        parsed({"id": "L1", "quantity": 1}, "L2", returnedAt="2026-03-05T10:00:00Z", type="REPAIR"),
        parsed({"id": "L1", "quantity": 1}, "L2", returnedAt="2026-03-05T10:00:00Z", externalId="R-2"),
        parsed({"id": "L1", "quantity": 1}, "L2", returnedAt="2026-03-05T10:00:00Z", orderExternalId="O-2"),
        parsed({"id": "L1", "quantity": 1}, "L2", returnedAt="2026-03-05T10:00:00Z", deliveryFee=1),
    ]
    assert len({document.stored() for document in same}) == 1
    assert len({document.stored().fingerprint for document in (same[0], *others)}) == 1 + len(others)
