"""The account page: one statement, whatever of it is asked for, and pages of history that fit together."""

from datetime import timedelta

import pytest

from tests.http.fixtures import Clock, Shop
from tests.http.statements import statements
from tests.support import DAY, NOW, cart, give_points, member_with_points, redeem

PAGE = """
query ($first: Int, $days: Int) {
  me {
    id
    balance { available pending held debt spendable value { amount currency } }
    expiringPoints(days: $days) { points expiresAt lastDay }
    holds { id voucherCode points expiresAt }
    history(first: $first) { edges { cursor } nodes { id kind points } pageInfo { hasNextPage endCursor } }
  }
}
"""


async def test_the_account_page_is_one_statement(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 500)
    await shop.as_customer(PAGE)  # keys, programme and account are in the caches now
    headers = await shop.customer_headers(key=shop.secret_key)
    with statements() as sent:
        reply = await shop.send({"query": PAGE, "variables": {"first": 50, "days": 90}}, headers)
    assert reply.data["me"]["balance"]["available"] == 600
    assert len(sent) == 1, sent


async def test_several_aliases_of_a_balance_are_one_statement(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 500)
    at = "2026-02-28T00:00:00Z"
    query = (
        f'{{ me {{ a: balance {{ held }} b: balance {{ available }} c: balance(asOf: "{at}") {{ available }} }} }}'
    )
    past = f'{{ me {{ a: balance(asOf: "{at}") {{ held }} b: balance(asOf: "{at}") {{ available }} }} }}'
    aliases = "{ me { a: balance { held } b: balance { available } c: balance { debt } h: holds { id } } }"
    headers = await shop.customer_headers(key=shop.secret_key)
    await shop.send({"query": query}, headers)
    for text, expected in ((aliases, 1), (past, 1), (query, 2)):
        with statements() as sent:
            reply = await shop.send({"query": text}, headers)
        assert "errors" not in reply.json
        assert len(sent) == expected, sent


async def test_only_the_id_costs_no_statement(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    headers = await shop.customer_headers(key=shop.secret_key)
    await shop.send({"query": "{ me { id } }"}, headers)
    with statements() as sent:
        reply = await shop.send({"query": "{ me { id } }"}, headers)
    assert reply.data["me"]["id"]
    assert sent == []


async def test_fields_in_fragments_are_looked_ahead(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    query = """
    query ($n: Int = 2) { me { ...A ... on Member { holds { id } } } }
    fragment A on Member { balance { available } ...B }
    fragment B on Member { history(first: $n) { nodes { id } } expiringPoints { points } }
    """
    headers = await shop.customer_headers(key=shop.secret_key)
    await shop.send({"query": query}, headers)
    with statements() as sent:
        reply = await shop.send({"query": query}, headers)
    assert len(reply.data["me"]["history"]["nodes"]) == 2
    assert len(sent) == 1, sent


async def test_pending_points_are_told_by_the_instant_they_become_available(shop: Shop, clock: Clock) -> None:
    await member_with_points(shop.installation, shop.programme, 30)
    for points, days in ((20, 3), (7, 1), (5, 3)):
        await give_points(
            shop.installation,
            shop.programme,
            "c-1",
            points,
            available_from=NOW + days * DAY,
            expires_at=NOW + 9 * DAY,
        )
    query = "{ me { balance { pending } pendingPoints { points availableFrom } } }"
    tomorrow, in_three_days = "2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z"
    for later, expected in ((0, {tomorrow: 7, in_three_days: 25}), (1, {in_three_days: 25}), (3, {})):
        clock.now = NOW + later * DAY
        me = (await shop.as_customer(query)).data["me"]
        batches = [{"points": points, "availableFrom": at} for at, points in expected.items()]
        assert me == {"balance": {"pending": sum(expected.values())}, "pendingPoints": batches}


async def test_the_hold_of_a_cart_is_found_by_the_shops_id_with_the_time_it_has_left(
    shop: Shop, clock: Clock
) -> None:
    await member_with_points(shop.installation, shop.programme, 500)
    for number in ("1", "2"):
        await redeem(shop.installation, shop.programme, 100, of=cart(number))
    query = "query ($cart: ID) { me { holds(cart: $cart) { voucherCode millisecondsLeft } } }"
    clock.now = NOW + timedelta(minutes=14, seconds=59, microseconds=999_999)
    first, second = (await shop.as_customer(query)).data["me"]["holds"]
    assert first != second
    assert first["millisecondsLeft"] == 0, "rounded down"
    for number, expected in (("1", [first]), ("2", [second]), ("3", [])):
        assert (await shop.as_customer(query, cart=number)).data["me"]["holds"] == expected
    clock.now = NOW + timedelta(minutes=1, milliseconds=1)
    assert (await shop.as_customer(query)).data["me"]["holds"][0]["millisecondsLeft"] == 14 * 60_000 - 1


async def test_who_has_not_joined_is_null(shop: Shop) -> None:
    assert (await shop.as_customer(PAGE)).data == {"me": None}


async def test_the_history_is_read_page_by_page_newest_first(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, *range(1, 11))
    query = """
    query ($after: String) {
      me {
        history(first: 4, after: $after) { nodes { points } pageInfo { hasNextPage hasPreviousPage endCursor } }
      }
    }
    """
    pages, after = [], None
    for _ in range(3):
        history = (await shop.as_customer(query, after=after)).data["me"]["history"]
        pages.append([node["points"] for node in history["nodes"]])
        assert history["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = history["pageInfo"]["endCursor"]
    assert pages == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1, 100]]
    assert history["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize(
    "arguments",
    ["first: 101", "first: -1", 'after: "x"', 'after: ""', 'after: "aG9sZDox"', 'after: "ZW50cnk6LTE"'],
)
async def test_pages_and_cursors_that_cannot_be_are_refused(shop: Shop, arguments: str) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    reply = await shop.as_customer(f"{{ me {{ history({arguments}) {{ nodes {{ id }} }} }} }}")
    assert reply.codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_a_window_out_of_bounds_is_refused(shop: Shop, days: int) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    reply = await shop.as_customer(f"{{ me {{ expiringPoints(days: {days}) {{ points }} }} }}")
    assert reply.codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_a_refused_window_is_told_at_its_field(shop: Shop, days: int) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    reply = await shop.as_customer(f"{{ me {{ id wrong: expiringPoints(days: {days}) {{ points }} }} }}")
    assert [error["path"] for error in reply.json["errors"]] == [["me", "wrong"]]


async def test_e23_each_window_shows_its_own_batches(shop: Shop) -> None:
    # E23 on 2026-03-01 in Berlin: 40 until the end of 03-31 is in a window of 30 days, 25 until 04-01 is not.
    await member_with_points(shop.installation, shop.programme, 7)
    march_ends = NOW.replace(month=3, day=31, hour=22)
    for points, expires_at in ((40, march_ends), (25, march_ends + DAY)):
        await give_points(shop.installation, shop.programme, "c-1", points, expires_at=expires_at)
    await give_points(
        shop.installation,
        shop.programme,
        "c-1",
        10,
        available_from=NOW + 19 * DAY,
        expires_at=NOW.replace(day=25, hour=23),
    )
    query = (
        "{ me { soon: expiringPoints(days: 30) { points lastDay } later: expiringPoints(days: 31) { points } } }"
    )
    me = (await shop.as_customer(query)).data["me"]
    assert me["soon"] == [{"points": 10, "lastDay": "2026-03-25"}, {"points": 40, "lastDay": "2026-03-31"}]
    assert [batch["points"] for batch in me["later"]] == [10, 40, 25]


async def test_a_balance_is_told_for_any_instant(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 50)
    shop.clock.now = NOW + timedelta(hours=1)
    await redeem(shop.installation, shop.programme, 60, now=shop.clock.now)
    query = "query ($at: DateTime!) { me { balance(asOf: $at) { available held } } }"
    seen = [
        (await shop.as_customer(query, at=at)).data["me"]["balance"]
        for at in ("2026-03-01T08:00:00Z", "2026-03-01T09:30:00Z", "2026-03-01T10:10:00Z", "2026-03-01T10:15:00Z")
    ]
    assert seen == [
        {"available": 0, "held": 0},
        {"available": 150, "held": 0},
        {"available": 90, "held": 60},
        {"available": 150, "held": 0},  # the hold will have lapsed
    ]


async def test_the_member_is_read_when_it_is_asked_for(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 5)
    me = (await shop.as_customer("{ me { joinedAt locale state redemptionLocked } }")).data["me"]
    assert me == {"joinedAt": "2026-03-01T09:00:00Z", "locale": None, "state": "ACTIVE", "redemptionLocked": False}
