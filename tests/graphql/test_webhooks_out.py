"""Webhooks to others as the staff set them up: made, changed, rotated, deleted, listed, sent again, audited."""

import asyncio
from typing import Any

from pointbook.services import outbox
from pointbook.services.webhook_events import EVENTS
from pointbook.worker.subscriptions import subscriptions
from tests.events import FIELDS
from tests.http.fixtures import Shop
from tests.support import everything, join_member

_SUBSCRIPTION = (
    "subscription { id url events state disabledReason failingSince secretVersion previousSecretUntil createdAt }"
)
_SECRET = f"secret {_SUBSCRIPTION}"
_SENDING = (
    "id subscriptionId webhookId event data state attempts attemptedAt nextAttemptAt httpStatus error response"
)
_NOTHING_IS_INVALID = {"deleteWebhookSubscription", "redeliver"}
URL = "https://shop.example/hooks"


async def change(shop: Shop, mutation: str, selection: str, **given: Any) -> Any:
    name = mutation[0].upper() + mutation[1:]
    field = "" if mutation in _NOTHING_IS_INVALID else "... on InvalidInput { field }"
    reply = await shop.as_staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{"
        f" ... on {name}Success {{ {selection} }} ... on UserError {{ code message }} {field} }} }}",
        input=given,
    )
    return reply.data[mutation]


async def create(shop: Shop, **given: Any) -> Any:
    return await change(shop, "createWebhookSubscription", _SECRET, **{"url": URL, **given})


async def listed(shop: Shop) -> Any:
    reply = await shop.as_staff("{ webhookSubscriptions { id url events state secretVersion } }")
    return reply.data["webhookSubscriptions"]


async def sendings(shop: Shop, **variables: Any) -> Any:
    reply = await shop.as_staff(
        "query ($subscription: ID, $state: WebhookSendingState, $first: Int, $after: String) {"
        " webhookSendings(subscription: $subscription, state: $state, first: $first, after: $after) {"
        f" nodes {{ {_SENDING} }} pageInfo {{ hasNextPage endCursor }} }} }}",
        **variables,
    )
    return reply.data["webhookSendings"]


async def happen(shop: Shop, *members: str) -> None:
    for member in members:
        await join_member(shop.installation, shop.programme, member)
    await outbox.drain(shop.installation.db, subscriptions(shop.installation, None, shop.clock))


async def test_a_subscription_from_its_creation_to_its_end_and_all_of_it_in_the_audit(shop: Shop) -> None:
    made = await create(shop, events=["points.credited", "member.joined", "member.joined"])
    assert made["secret"].startswith("whsec_")
    subscription = made["subscription"]
    assert subscription == {
        "id": subscription["id"],
        "url": URL,
        "events": ["points.credited", "member.joined"],
        "state": "ACTIVE",
        "disabledReason": None,
        "failingSince": None,
        "secretVersion": 1,
        "previousSecretUntil": None,
        "createdAt": "2026-03-01T09:00:00Z",
    }
    its_id = subscription["id"]
    edit = "editWebhookSubscription"
    edited = await change(shop, edit, _SUBSCRIPTION, id=its_id, url=URL + "/2", events=[], active=False)
    assert edited["subscription"] == {
        **subscription,
        "url": URL + "/2",
        "events": None,
        "state": "DISABLED",
        "disabledReason": "STAFF",
    }
    assert await change(shop, edit, _SUBSCRIPTION, id=its_id) == edited
    rotated = await change(shop, "rotateWebhookSecret", _SECRET, id=its_id, secretVersion=1)
    assert (rotated["subscription"]["secretVersion"], rotated["secret"] == made["secret"]) == (2, False)
    assert rotated["subscription"]["previousSecretUntil"] == "2026-03-02T09:00:00Z"
    assert await listed(shop) == [
        {"id": its_id, "url": URL + "/2", "events": None, "state": "DISABLED", "secretVersion": 2}
    ]
    assert await change(shop, "deleteWebhookSubscription", "id", id=its_id) == {"id": its_id}
    assert await listed(shop) == []
    reply = await shop.as_staff(
        "query ($filter: AuditFilter) { auditEntries(filter: $filter) { nodes { label action before after } } }",
        filter={"subject": f"webhook subscription {its_id}"},
    )
    entries = reply.data["auditEntries"]["nodes"]
    assert [(entry["label"], entry["action"]) for entry in entries] == [
        ("Anna", "WEBHOOK_DELETED"),
        ("Anna", "WEBHOOK_SECRET_ROTATED"),
        ("Anna", "WEBHOOK_CHANGED"),
        ("Anna", "WEBHOOK_CREATED"),
    ]
    assert (entries[0]["after"], entries[3]["before"]) == (None, None)
    assert entries[2]["after"] == {"url": URL + "/2", "events": None, "state": "DISABLED", "secretVersion": 1}
    assert "whsec_" not in str(entries)


async def test_what_cannot_be_told_of_or_posted_to_is_refused_and_changes_nothing(shop: Shop) -> None:
    made = (await create(shop))["subscription"]
    before = await everything(shop.installation.db, shop.programme)
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://2130706433/hooks"}, "url"),
        ({"url": "https://localhost./hooks"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"events": ["points.credited", "points.stolen"]}, "events[1]"),
        ({"events": ["gift_card.delivery"]}, "events[0]"),
    ]
    for given, field in refusals:
        refused = await create(shop, **given)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)
        refused = await change(shop, "editWebhookSubscription", _SUBSCRIPTION, id=made["id"], **given)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)
    for hours in (-1, 169):
        given = {"id": made["id"], "secretVersion": 1, "previousValidHours": hours}
        refused = await change(shop, "rotateWebhookSecret", _SECRET, **given)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "previousValidHours")
    for unknown in ("x", "0" * 32):
        for mutation, given in (
            ("editWebhookSubscription", {"id": unknown}),
            ("rotateWebhookSecret", {"id": unknown, "secretVersion": 1}),
            ("deleteWebhookSubscription", {"id": unknown}),
        ):
            answer = await change(shop, mutation, "__typename", **given)
            assert answer["code"] == "WEBHOOK_SUBSCRIPTION_NOT_FOUND"
    for unknown in ("x", "", "0", "9" * 30):
        assert (await change(shop, "redeliver", "__typename", id=unknown))["code"] == "WEBHOOK_SENDING_NOT_FOUND"
    assert await everything(shop.installation.db, shop.programme) == before


async def test_a_secret_is_rotated_once_however_many_ask_for_it(shop: Shop) -> None:
    made = (await create(shop))["subscription"]
    answers = await asyncio.gather(
        *(change(shop, "rotateWebhookSecret", _SECRET, id=made["id"], secretVersion=1) for _ in range(5))
    )
    assert sorted(answer.get("code", "") for answer in answers) == ["", *["EDIT_CONFLICT"] * 4]
    assert [each["secretVersion"] for each in await listed(shop)] == [2]


async def test_there_are_twenty_at_most_also_in_a_race(shop: Shop) -> None:
    answers = await asyncio.gather(*(create(shop) for _ in range(22)))
    assert sorted(answer.get("code", "") for answer in answers) == [*[""] * 20, *["INVALID_INPUT"] * 2]
    assert len(await listed(shop)) == 20


async def test_what_is_sent_is_listed_by_subscription_and_state_and_sent_again(shop: Shop) -> None:
    first, second = [(await create(shop, events=["member.joined"]))["subscription"]["id"] for _ in range(2)]
    await happen(shop, "c-1", "c-2")
    whole = await sendings(shop)
    assert [node["subscriptionId"] for node in whole["nodes"]].count(second) == 2
    page = await sendings(shop, subscription=first, first=1)
    assert page["pageInfo"]["hasNextPage"]
    rest = await sendings(shop, subscription=first, first=1, after=page["pageInfo"]["endCursor"])
    assert not rest["pageInfo"]["hasNextPage"]
    newest, oldest = page["nodes"][0], rest["nodes"][0]
    assert int(newest["id"]) > int(oldest["id"])
    assert newest["webhookId"] != oldest["webhookId"]
    assert (newest["event"], newest["state"], newest["attempts"]) == ("member.joined", "PENDING", 0)
    assert set(newest["data"]) == {"account"}
    assert (await sendings(shop, state="FAILED"))["nodes"] == []
    assert (await sendings(shop, subscription="nobody"))["nodes"] == []
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        await connection.execute(
            "update webhook_sending set state = 'FAILED', attempts = 12, next_attempt_at = null where id = $1",
            int(newest["id"]),
        )
    assert [node["id"] for node in (await sendings(shop, state="FAILED"))["nodes"]] == [newest["id"]]
    again = (await change(shop, "redeliver", f"sending {{ {_SENDING} }}", id=newest["id"]))["sending"]
    assert (again["id"], again["state"], again["attempts"]) == (newest["id"], "PENDING", 0)
    reply = await shop.as_staff("{ auditEntries(first: 1) { nodes { action subject before after } } }")
    assert reply.data["auditEntries"]["nodes"] == [
        {
            "action": "WEBHOOK_REDELIVERED",
            "subject": f"webhook subscription {first}",
            "before": {"webhook": newest["webhookId"], "state": "FAILED"},
            "after": {"webhook": newest["webhookId"], "state": "PENDING"},
        }
    ]


def test_the_page_of_operations_tells_every_event() -> None:
    assert FIELDS.keys() == set(EVENTS)


async def test_i8_a_subscription_is_made_once_by_its_key_and_its_secret_answered_again(shop: Shop) -> None:
    """Who has lost the answer would never learn the secret."""
    answers = await asyncio.gather(*(create(shop, idempotencyKey="k") for _ in range(3)))
    assert answers[0] == answers[1] == answers[2]
    assert len(await listed(shop)) == 1
    other = await create(shop, idempotencyKey="k", events=["member.joined"])
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    await create(shop)
    await create(shop)
    assert len(await listed(shop)) == 3, "without a key each call makes one"


async def test_what_is_deleted_is_not_made_again_by_a_call_that_is_sent_again(shop: Shop) -> None:
    made = await create(shop, idempotencyKey="k")
    await change(shop, "deleteWebhookSubscription", "id", id=made["subscription"]["id"])
    before = await everything(shop.installation.db, shop.programme)
    again = await create(shop, idempotencyKey="k")
    assert (again["code"], again["field"]) == ("INVALID_INPUT", "idempotencyKey")
    assert await everything(shop.installation.db, shop.programme) == before
    new = await create(shop, idempotencyKey="another")
    assert new["subscription"]["id"] != made["subscription"]["id"]
