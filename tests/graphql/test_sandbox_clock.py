"""Staff move a sandbox's clock; points follow it, and keys and tokens do not."""

from typing import Any

from tests.http.fixtures import Shop
from tests.support import DAY, NOW, give_points, join_member, violations

MOVE = """
mutation ($seconds: Int!, $key: String!) {
  moveSandboxClock(input: {forwardSeconds: $seconds, idempotencyKey: $key}) {
    ... on MoveSandboxClockSuccess { clock { now aheadSeconds } }
    ... on UserError { __typename code message }
  }
}
"""
BALANCE = "{ me { balance { available } } }"
LEAVE = """
mutation {
  leaveProgramme(input: {confirm: {points: 100, debt: 0}, idempotencyKey: "bye"}) { __typename }
}
"""


async def move(shop: Shop, days: float, key: str = "k") -> dict[str, Any]:
    reply = await shop.as_staff(MOVE, seconds=int(days * 86_400), key=key)
    answer: dict[str, Any] = reply.data["moveSandboxClock"]
    return answer


async def test_points_follow_the_clock_and_keys_and_tokens_do_not(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await give_points(shop.installation, shop.programme, "c-1", 50, expires_at=NOW + 30 * DAY)
    assert (await shop.as_customer(BALANCE)).data["me"]["balance"]["available"] == 150
    headers = await shop.customer_headers(key=shop.secret_key)
    moved = await move(shop, 30)
    assert moved == {"clock": {"now": "2026-03-31T09:00:00Z", "aheadSeconds": 2_592_000.0}}
    assert await move(shop, 30) == moved, "the same call again moves nothing"
    shown = await shop.as_staff("{ sandboxClock { now } }")
    assert shown.data["sandboxClock"] == {"now": moved["clock"]["now"]}
    reply = await shop.send({"query": BALANCE}, headers)
    assert reply.data["me"]["balance"]["available"] == 100, "a token of before is as good as it was"
    made = await shop.as_server(
        'mutation { customerTokenCreate(input: {customerExternalId: "c-1"}) '
        "{ ... on CustomerTokenCreateSuccess { expiresAt } } }"
    )
    assert made.data["customerTokenCreate"]["expiresAt"] == "2026-03-01T09:15:00Z"
    left = await shop.as_customer(LEAVE)
    assert left.data["leaveProgramme"] == {"__typename": "LeaveProgrammeSuccess"}, "the token is a fresh one"
    assert await violations(shop.installation.db) == []


async def test_what_cannot_be_moved_says_why(shop: Shop) -> None:
    assert (await move(shop, 367))["code"] == "INVALID_INPUT"
    assert (await move(shop, -1))["code"] == "INVALID_INPUT"
    await move(shop, 1)
    assert (await move(shop, 2))["code"] == "IDEMPOTENCY_CONFLICT"
