"""Reading an order for an import: the short way gives what the domain gives, in whatever process it runs."""

import asyncio
import os
import signal
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.complete_journey import convert
from pointbook.domain.orders import parse_order
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.order_preparing_pool import preparing_pool
from pointbook.services.usual_orders import UsualOrder, usual_order
from tests.earning_by_settings import evaluate
from tests.imports.files import children
from tests.support import order_document

TEXTS = st.text('abcXYZ019-_ü€"\\ \x07\ud800', min_size=0, max_size=5) | st.sampled_from(
    ["x" * 129, "drinks", "1"]
)
AMOUNTS: st.SearchStrategy[Any] = (
    st.integers(0, 10**6).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
    | st.integers(-1, 10**11)
    | st.sampled_from(
        [
            "0",
            "1.5",
            "1.500",
            "1.005",
            "-1.00",
            "1e3",
            " 1.00",
            "\u0663.\u0660\u0660",
            "9" * 50,
            True,
            None,
            1.5,
            [],
        ]
    )
)
GROUPS: st.SearchStrategy[Any] = st.lists(TEXTS | st.none(), max_size=3) | st.sampled_from(
    [None, [], "ab", [["a"]], {"a": 1}, ["g"] * 101]
)
DISCOUNTS: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries({"amount": AMOUNTS}, optional={"code": TEXTS})
    | st.sampled_from([None, "x", {}, ["amount"]]),
    max_size=3,
) | st.sampled_from([None, [], {}, "", [{"amount": "0.01"}] * 101])
LINES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"id": TEXTS, "articleId": TEXTS, "quantity": AMOUNTS, "amount": AMOUNTS},
    optional={
        "unitPrice": AMOUNTS,
        "productGroupIds": GROUPS,
        "discounts": DISCOUNTS,
        "earns": st.booleans(),
        "kind": st.sampled_from(["MENU", None]),
    },
)
PLAIN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.text("abc019 ", min_size=1, max_size=4).filter(lambda text: not text.startswith(" ")),
        "articleId": st.sampled_from(["tea", "A 7", "cup 'blue'"]),
        "quantity": st.integers(0, 10**6) | st.sampled_from(["0.5", "11818.250"]),
        "amount": st.integers(0, 10**6).map(lambda cents: f"{cents // 100}.{cents % 100:02d}"),
    },
    optional={
        "unitPrice": st.sampled_from(["1.459", "2", 3, None]),
        "productGroupIds": st.lists(st.sampled_from("abc"), max_size=4),
        "discounts": st.lists(
            st.fixed_dictionaries({"amount": st.sampled_from(["0.00", "0.10", "2.00", "99.99"])}), max_size=3
        ),
    },
)
BESIDE = {
    "minimumOrderSurcharge": "1.50",
    "deliveryFee": "2.00",
    "payments": [{"kind": "CARD", "amount": "3.00"}],
}
HEADS = (
    *("externalId", "type", "status", "placedAt", "store", "entryChannel", "exitChannel", "customer"),
    *("minimumOrderSurcharge", "deliveryFee", "payments"),
)
ODD: list[Any] = [
    *(None, True, 1, 1.5, -1, [], {}, "", " ", "x", "1.00", "-1", "x" * 65, "x" * 129, "SALE"),
    *("2026-03-01T10:00:00+01:00", "2026-03-01t10:00:00.1234567z", "2026-03-01 10:00:00Z", "2026-03-01T10:00:00"),
    *("1969-12-31T23:59:59Z", "3000-01-01T00:00:00+02:00", {"externalId": "c", "emailVerified": None}),
    *({"externalId": "c", "email": "a@b", "emailVerified": True}, {"externalId": "c", "email": "nobody"}),
    *([{"kind": "CARD", "amount": "1.00"}, {"kind": "CARD", "amount": "0.50"}], [{"kind": "", "amount": "1"}]),
]
ORDERS = st.lists(PLAIN, min_size=1, max_size=6, unique_by=lambda line: str(line["id"]))
SETTINGS = [
    ProgrammeSettings.from_document({}, "EUR"),
    ProgrammeSettings.from_document({"revenuePerPoint": "3", "basePointsPerOrder": 10}, "EUR"),
    ProgrammeSettings.from_document({"netBasis": True, "shippingInBasis": True, "surchargeInBasis": True}, "EUR"),
]


def usual(lines: Any, *, lines_matter: bool = False, **beside: Any) -> UsualOrder | None:
    """The short way, for a document with these lines as a shop would write it."""
    try:
        content = orjson.dumps({**order_document(lines=lines), **beside})
    except orjson.JSONEncodeError:  # a lone surrogate
        return None
    return usual_order(content, "EUR", lines_matter=lines_matter)


def check(lines: list[Any], **beside: Any) -> bool:
    """Whether the short way was taken; if so, it gave what the domain gives."""
    short = usual(lines, **beside)
    if short is None:
        return False
    order = parse_order({**order_document(lines=lines), **beside}, "EUR")
    assert short.stored == order.stored()
    full = usual(lines, lines_matter=True, **beside)
    assert full == UsualOrder(order, short.stored)
    assert replace(short.order, content=order.content) == order
    assert short.order.content.total == order.content.total
    for settings in SETTINGS:
        assert evaluate(short.order.content, settings) == evaluate(order.content, settings)
    return True


@given(ORDERS)
def test_usual_orders_take_the_short_way_to_the_same_end(lines: list[Any]) -> None:
    assert check(lines)
    assert check(lines, **BESIDE)


@given(st.lists(LINES | PLAIN | st.none() | st.just("line"), max_size=4))
def test_whatever_takes_the_short_way_comes_to_the_same_end(lines: list[Any]) -> None:
    check(lines)


@given(st.dictionaries(st.sampled_from(list(HEADS)), st.sampled_from(ODD)))
def test_whatever_takes_the_short_way_has_the_same_head(odd: dict[str, Any]) -> None:
    line = {"id": "1", "articleId": "tea", "quantity": 1, "amount": "1.00"}
    check([line], **odd)


@pytest.mark.parametrize("lines", [None, [], {}, "lines", [None], [[]], [{}], [{"id": "1"}] * 1_001])
def test_what_is_no_list_of_lines_is_left_to_the_domain(lines: Any) -> None:
    assert usual(lines) is None


def test_lines_that_cost_more_than_an_order_may_are_left_to_the_domain() -> None:
    lines = [{"id": str(n), "articleId": "a", "quantity": 1, "amount": 6_000_000_000} for n in (1, 2)]
    assert usual(lines[:1]) is not None
    assert usual(lines) is None


@pytest.mark.parametrize("name", ["Gr\u00fcner Tee", "\u8336", 'a"b', " a", "a\x7f", "a\tb"])
def test_names_in_other_signs_are_left_to_the_domain(name: str) -> None:
    line = {"id": "1", "articleId": "tea", "quantity": 1, "amount": "1.00"}
    assert check([line])
    assert usual([{**line, "articleId": name}]) is None
    assert usual([{**line, "productGroupIds": [name]}]) is None


@pytest.mark.parametrize(
    "beside",
    [
        {"discounts": [{"amount": "1.00"}]},
        {"shopVouchers": [{"code": "A", "amount": "1.00"}]},
        {"voucherCode": "PB-1"},
        {"currency": "USD"},
        {"type": "RETURN"},
    ],
)
def test_what_the_short_way_does_not_know_is_left_to_the_domain(beside: dict[str, Any]) -> None:
    assert usual([{"id": "1", "articleId": "tea", "quantity": 1, "amount": "1.00"}], **beside) is None


def test_real_baskets_are_usual() -> None:
    table, groups = convert.read_table(3), convert.read_groups()
    for basket in convert.baskets(table):
        document = convert.order_document(basket, groups)
        assert usual_order(orjson.dumps(document), convert.CURRENCY, lines_matter=False) is not None


async def test_a_process_that_dies_is_an_error_and_not_a_wait() -> None:
    before = children(os.getpid())
    async with preparing_pool(1) as pool:
        [process] = children(os.getpid()) - before
        os.kill(process, signal.SIGKILL)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await pool.prepare([], b"")
    assert children(os.getpid()) == before
