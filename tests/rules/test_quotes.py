"""A quote is what the order will earn; a product page and an explanation come from the same evaluation."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointbook.domain import errors
from pointbook.domain.rules import ProductPoints
from pointbook.services import places
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_quotes import earn_quote, product_points
from pointbook.services.earning_rules import edit_rule
from pointbook.services.explaining import explain
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.members import MemberState, set_state
from pointbook.services.places import NewHolidays
from tests.imports.files import entries, imported, json_lines
from tests.rules.shop import LONG_BEFORE, add_rule, line, order, pizzas, rule, sides_programme
from tests.support import MOMENT, NOW, everything, give_points, join_member, make_programme, spendable, violations

ARTICLES = st.sampled_from(["pizza", "pasta", "cheese"])
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "stores": st.sampled_from(["ALL", ["berlin"], ["berlin", "bonn"], []]),
    "entryChannels": st.sampled_from(["ALL", ["web"], ["app", "till"]]),
    "weekdays": st.sampled_from([[], ["SUNDAY"], ["MONDAY"]]),
    "holidays": st.sampled_from([[], "ALL", ["Party"]]),
    "caps": st.sampled_from(
        [
            None,
            {"perOrder": 7},
            {"perDay": 9},
            {"perMember": {"points": 13, "period": "WEEK"}},
            {"perDay": 6, "perMember": {"points": 8, "period": "RULE"}},
        ]
    ),
    "availableAtOnce": st.booleans(),
    "expiry": st.sampled_from([None, {"days": 30}, {"never": True}]),
    "stackGroup": st.sampled_from(["item", "other"]),
}
RULES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["ARTICLE", "PRODUCT_GROUP", "TOPPING", "CATEGORY"]),
                "points": st.integers(1, 6),
                "targets": st.lists(ARTICLES, min_size=1, max_size=2),
            },
            optional=CONDITIONS,
        ),
        st.fixed_dictionaries(
            {"kind": st.just("CART"), "moneyPerPoint": st.sampled_from(["1.00", "0.30", "7.00"])},
            optional={**CONDITIONS, "deliveryFeeInBasis": st.booleans()},
        ),
        st.fixed_dictionaries({"kind": st.just("BASE"), "points": st.integers(1, 6)}, optional=CONDITIONS),
    ),
    max_size=5,
)
LINES = st.lists(
    st.fixed_dictionaries(
        {"articleId": ARTICLES, "quantity": st.sampled_from([1, 2, "0.5", 0]), "amount": st.integers(0, 40)},
        optional={
            "productGroupIds": st.lists(ARTICLES, max_size=2),
            "kind": st.sampled_from(["ITEM", "TOPPING"]),
            "earns": st.booleans(),
        },
    ),
    min_size=1,
    max_size=4,
)
CARTS = st.lists(
    st.fixed_dictionaries(
        {"lines": LINES, "placedAt": st.sampled_from(["2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"])},
        optional={
            "store": st.sampled_from(["berlin", "bonn"]),
            "entryChannel": st.sampled_from(["web", "app"]),
            "deliveryFee": st.just("3.90"),
            "discounts": st.just([{"amount": "1.00"}]),
        },
    ),
    min_size=1,
    max_size=4,
)
_LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def _documents(carts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for cart in carts:
        cart["lines"] = [{**each, "id": str(number)} for number, each in enumerate(cart["lines"])]
    return [{"currency": "EUR", **cart} for cart in carts]


async def _programme(
    installation: Installation, rules: list[dict[str, Any]], document: dict[str, Any]
) -> ProgrammeSnapshot:
    programme = await sides_programme(installation, **document)
    own = NewHolidays(own={date(2026, 3, 1): "Party"})
    await places.change_holidays(installation, programme.id, "bonn", own, now=LONG_BEFORE)
    for number, one in enumerate(rules):
        await add_rule(installation, programme, {"name": "x", **one}, key=f"rule {number}")
    return programme


@settings(max_examples=20, deadline=None, suppress_health_check=_LARGE)
@given(rules=RULES, carts=CARTS, usual=st.booleans())
async def test_a_quote_equals_the_posting_and_an_import_both(
    installation: Installation,
    tmp_path: Path,
    rules: list[dict[str, Any]],
    carts: list[dict[str, Any]],
    usual: bool,  # noqa: FBT001  # drawn
) -> None:
    document = {"earnsFromRevenue": usual, "waitingTime": {"hours": 24}}
    posting, importing = [await _programme(installation, rules, document) for _ in range(2)]
    orders, explanations = [], {}
    for number, cart in enumerate(_documents(carts)):
        before = await everything(installation.db, posting)
        quote = await earn_quote(installation, posting.id, cart, customer="c-1", now=NOW)
        assert await everything(installation.db, posting) == before
        orders.append({**pizzas(f"o-{number}"), **cart})
        posted = await submit_order(installation, posting.id, orders[-1], now=NOW)
        assert posted.points == quote.points == sum(part.points for part in quote.parts)
        if posted.points:
            seq = await _last_seq(installation, posting)
            explanation = await explain(installation, posting.id, "c-1", seq)
            assert explanation is not None
            assert explanation.rules == quote.rules
            explanations[seq] = explanation
            granted = await _lots(installation, posting, seq)
            assert granted == [(part.points, part.available_from, part.expires_at) for part in quote.parts]
    file = json_lines(tmp_path / f"{uuid4().hex}.jsonl", orders)
    report = await imported(installation, importing, file)
    assert report.counts.earned == len(orders)
    assert await _records(installation, importing) == await _records(installation, posting)
    assert await entries(installation, importing) == await entries(installation, posting)
    for seq, explanation in explanations.items():
        assert await explain(installation, importing.id, "c-1", seq) == explanation
    assert await violations(installation.db) == []


async def _last_seq(installation: Installation, programme: ProgrammeSnapshot) -> int:
    async with installation.db.bare_transaction(programme.id) as connection:
        seq: int = await connection.fetchval("select max(seq) from ledger.entry")
    return seq


async def _lots(installation: Installation, programme: ProgrammeSnapshot, seq: int) -> list[tuple[Any, ...]]:
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select granted, available_from, nullif(expires_at, 'infinity') from ledger.lot"
            " where seq = $1 order by lot_id",
            seq,
        )
    return [tuple(row) for row in rows]


async def _records(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[Any, ...]]:
    """Orders with what judged them, and what capped rules have given. Only a posting keeps the trace."""
    async with installation.db.bare_transaction(programme.id) as connection:
        orders = await connection.fetch(
            "select external_id, points, (judgement::jsonb - 'rules')::text from sales_order order by 1"
        )
        counts = await connection.fetch("select rule_key, bucket, points from rule_count order by 1, 2")
    return [*map(tuple, orders), *map(tuple, counts)]


async def test_e37_a_product_says_standard_and_extra_points_apart(installation: Installation) -> None:
    programme = await make_programme(installation, {"basePointsPerOrder": 10}, now=LONG_BEFORE)
    await add_rule(installation, programme, rule("CATEGORY", 20, targets=["shoes"]))
    await add_rule(installation, programme, rule("VARIATION", 50, targets=["red"]))
    await add_rule(installation, programme, rule("REGISTRATION", 30))
    await join_member(installation, programme)
    shoe = {"articleId": "shoe", "price": "25.00", "variationId": "red", "productGroupIds": ["shoes"]}
    for customer, sign_up in ((None, 30), ("stranger", 30), ("c-1", None)):
        quotes = await product_points(installation, programme.id, [shoe], customer=customer, now=NOW)
        assert (quotes.points, quotes.sign_up) == ((ProductPoints(25, 70),), sign_up)


@settings(max_examples=20, deadline=None, suppress_health_check=_LARGE)
@given(
    price=st.integers(0, 5_000),
    quantity=st.sampled_from(["1", "3", "0.5", "1.25", "0", "12"]),
    group=st.booleans(),
)
async def test_r2_a_product_earns_what_an_order_of_it_alone_does(
    installation: Installation,
    price: int,
    quantity: str,
    group: bool,  # noqa: FBT001  # drawn
) -> None:
    programme = await sides_programme(installation, earnsFromRevenue=True)
    await add_rule(installation, programme, rule())
    await add_rule(installation, programme, rule("PRODUCT_GROUP", 3, targets=["pizzas"]))
    more = {"productGroupIds": ["pizzas"]} if group else {}
    product = {"articleId": "pizza", "price": _decimal(price, 2), "quantity": quantity, **more}
    quotes = await product_points(installation, programme.id, [product], now=NOW)
    amount = _decimal(int(price * Decimal(quantity) + Decimal("0.5")), 2)
    posted = await order(installation, programme, lines=[line("pizza", quantity, amount, **more)])
    assert sum(quotes.points[0]) == posted.points


def _decimal(number: int, places: int) -> str:
    return str(Decimal(number).scaleb(-places))


async def test_a_guest_is_told_what_joining_gives_and_a_member_what_caps_leave(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme, rule("REGISTRATION", 30))
    await add_rule(installation, programme, rule(caps={"perDay": 7}))
    await order(installation, programme)
    cart = {"currency": "EUR", "lines": [line()]}
    asked = (None, "c-1", "stranger")
    quotes = [await earn_quote(installation, programme.id, cart, customer=who, now=NOW) for who in asked]
    assert [(quote.points, quote.sign_up) for quote in quotes] == [(5, 30), (2, None), (5, 30)]
    assert await spendable(installation, programme) == 5


async def test_r11_what_points_pay_is_not_quoted_twice(installation: Installation) -> None:
    programme = await make_programme(installation, now=LONG_BEFORE)
    cart = {"currency": "EUR", "lines": [line(amount="80.00")]}
    quote = await earn_quote(installation, programme.id, {**cart, "redeemedValue": "30.00"}, now=NOW)
    assert quote.points == 50
    for value in ("-0.01", "80.01", "0.001", 1.5):
        with pytest.raises(errors.InvalidInput, match="redeemedValue"):
            await earn_quote(installation, programme.id, {**cart, "redeemedValue": value}, now=NOW)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"externalId": "o-1"}, errors.InvalidInput),
        ({"customer": {"externalId": "c-1"}}, errors.InvalidInput),
        ({"lines": []}, errors.InvalidInput),
        ({"placedAt": "yesterday"}, errors.InvalidInput),
        ({"store": "moon"}, errors.UnknownStore),
        ({"currency": "PLN"}, errors.CurrencyMismatch),
    ],
)
async def test_a_cart_that_is_none_is_refused(
    installation: Installation, programme: ProgrammeSnapshot, more: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await earn_quote(installation, programme.id, {"currency": "EUR", "lines": [line()], **more}, now=NOW)


async def test_r14_an_inactive_member_is_told(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    with pytest.raises(errors.MemberInactive):
        await earn_quote(
            installation, programme.id, {"currency": "EUR", "lines": [line()]}, customer="c-1", now=NOW
        )


async def test_an_explanation_tells_of_the_rule_as_it_was(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, rule(labels={"de": "Pizzapunkte"}))
    await add_rule(installation, programme, rule("PRODUCT_GROUP", 3, targets=["pizzas"]), key="lost")
    lines = [line("pizza", 2, "20.00", productGroupIds=["pizzas"])]
    assert (await order(installation, programme, lines=lines)).points == 10
    await edit_rule(installation, programme.id, made.key, 1, rule(points=9), now=NOW)
    explanation = await explain(installation, programme.id, "c-1", await _last_seq(installation, programme))
    assert explanation is not None
    assert (explanation.points, explanation.source, explanation.source_id) == (10, "order", "o-1")
    won, lost = explanation.rules
    assert won.rule == made.newest.rule
    assert (won.trace["verdict"], won.trace["version"], won.trace["points"]) == ("WON", 1, 10)
    assert (lost.trace["verdict"], lost.trace["lostTo"]) == ("LOST", made.key)


async def test_points_for_joining_are_explained(installation: Installation) -> None:
    programme = await make_programme(installation, {"signUpPoints": 5}, now=LONG_BEFORE)
    made = await add_rule(installation, programme, rule("REGISTRATION", 30))
    await join(installation, programme.id, Join("c-7"), now=NOW)
    explanation = await explain(installation, programme.id, "c-7", 1)
    assert explanation is not None
    assert (explanation.points, explanation.source, explanation.at) == (30, "sign_up", NOW)
    assert [(each.trace["rule"], each.trace["verdict"]) for each in explanation.rules] == [
        ("SIGN_UP", "LOST"),
        (made.key, "WON"),
    ]


async def test_what_no_rule_gave_is_not_explained(installation: Installation) -> None:
    programme = await sides_programme(installation, earnsFromRevenue=True)
    assert await explain(installation, programme.id, "c-1", 1) is None
    await give_points(installation, programme, "c-1", 10)
    assert await explain(installation, programme.id, "c-1", 1) is None
    assert await explain(installation, programme.id, "nobody", 1) is None
    await order(installation, programme)
    explanation = await explain(installation, programme.id, "c-1", 2)
    assert explanation is not None
    [revenue] = explanation.rules
    assert (revenue.rule, revenue.trace["rule"], revenue.trace["basis"]) == (None, "REVENUE", "1000")


async def test_a_quote_just_before_a_change_is_by_what_was_before(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    start = NOW + timedelta(hours=1)
    await add_rule(installation, programme, effective_from=start)
    cart = {"currency": "EUR", "lines": [line()]}
    quotes = [await earn_quote(installation, programme.id, cart, now=at) for at in (start - MOMENT, start)]
    assert [quote.points for quote in quotes] == [0, 5]
