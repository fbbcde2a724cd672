"""R33, R34: anybody may join by any address, so what leaving erases by an address is only what is the leaver's.

And whoever named an address in a merge request never sees by it whether a member had it.
"""

import asyncio
from typing import Any

import asyncpg
import pytest

from pointbook.services import outbox
from pointbook.services.joining import Join, join
from pointbook.services.outbox import Message
from tests.integration.test_erasure import listening
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop
from tests.scenarios.test_leaving import leave
from tests.scenarios.test_merging import OTHER, ask, cases, decide, link, merged, own, prove, two_members


async def enter(shop: Shop, customer: str, email: str | None, *, verified: bool = False) -> int:
    """The points for joining."""
    command = Join(customer, email=email, email_verified=verified)
    return (await join(shop.installation, shop.programme.id, command, now=shop.clock())).member.sign_up_points


async def test_who_leaves_with_a_strangers_address_takes_no_order_of_theirs_along(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """It waits under the shop's id of the stranger; the address goes, because it was the leaver's, too."""
    shop = await opened("2026-03-01 12:00", releaseParkedOnJoin=True)
    customer = {"externalId": "owner", "email": OTHER, "emailVerified": True}
    assert (await shop.order("o-1", "100.00", customer=customer))["outcome"] == "PARKED"
    assert (await shop.book("b-1", "2026-03-09 10:00", customer=customer))["outcome"] == "PARKED"
    await enter(shop, "mallory", OTHER)
    await leave(shop, "mallory")
    for table in ("sales_order", "booking"):
        [row] = await admin.fetch(f"select customer_external_id, customer_email from {table}")
        assert tuple(row) == ("owner", None)
    assert await admin.fetchval("select fingerprint <> '' from sales_order")
    await enter(shop, "owner", OTHER)
    balance = await shop.balance("owner")
    assert balance["available"] + balance["pending"] >= 100


async def test_an_address_that_another_member_has_is_left_alone(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await enter(shop, "mallory", OTHER)
    customer = {"externalId": "guest", "email": OTHER, "emailVerified": False}
    assert (await shop.order("o-1", "10.00", customer=customer))["outcome"] == "PARKED"
    kept = await admin.fetchval("select customer_email from sales_order")
    request = await ask(shop)
    await leave(shop, "mallory")
    assert await admin.fetchval("select customer_email from sales_order") == kept
    await prove(shop, request)
    assert [one["state"] for one in await own(shop)] == ["VERIFIED"]
    await leave(shop, "c-2")
    assert await admin.fetchval("select count(customer_email) from sales_order") == 0


@pytest.mark.parametrize(
    ("proved", "others", "points"), [(False, True, 50), (True, True, 0), (False, False, 0), (True, False, 0)]
)
async def test_the_bonus_is_blocked_for_a_proved_address_or_one_that_nobody_else_has(
    opened: OpenShop, *, proved: bool, others: bool, points: int
) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=50, rejoinBonusBlockDays=30)
    if others:
        await enter(shop, "owner", OTHER)
    await enter(shop, "leaver", OTHER, verified=proved)
    await leave(shop, "leaver")
    assert await enter(shop, "next", OTHER) == points


async def test_whether_a_member_had_the_address_is_not_to_be_seen_when_they_have_left(opened: OpenShop) -> None:
    """R33: the requests look alike, the same key finds the same request, and the address is counted alike."""
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    addresses = (OTHER, "nobody@shop.example")
    made = [await ask(shop, email, key=email) for email in addresses]
    await leave(shop, "c-2")
    seen = await own(shop)
    assert len({str({**one, "id": ""}) for one in seen}) == 1
    assert [await ask(shop, email, key=email) for email in addresses] == made
    for number, email in enumerate(addresses * 2):
        await shop.join(f"asks-{number}")
        assert (await ask(shop, email, customer=f"asks-{number}"))["state"] == "REQUESTED"
    await shop.join("last")
    assert {(await ask(shop, email, customer="last"))["limit"] for email in addresses} == {"ADDRESS_OF_DAY"}
    exported = (await shop.me("dataExport { records }"))["dataExport"]["records"]
    told = [record for record in exported if record["type"] == "mergeRequest"]
    assert len(told) == 2
    assert all("email" not in record and "source" not in record for record in told)
    assert (await shop.client.post(link(shop, made[0]))).text.count("<form") == 0


async def test_an_address_is_named_three_times_by_eight_at_once(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    for number in range(8):
        await shop.join(f"asks-{number}")
    for email in (OTHER, "nobody@shop.example"):
        answers = await asyncio.gather(*(ask(shop, email, customer=f"asks-{number}") for number in range(8)))
        assert sum(answer.get("state") == "REQUESTED" for answer in answers) == 3
        assert sum(answer.get("limit") == "ADDRESS_OF_DAY" for answer in answers) == 5


async def test_of_a_merged_address_nothing_is_left_when_the_member_leaves(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Neither in others' requests nor in what waits, nor that mail to it was refused, nor why a letter failed."""
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await enter(shop, "c-3", "three@shop.example")
    customer = {"externalId": "guest", "email": OTHER, "emailVerified": True}
    await ask(shop, customer="c-3")
    await admin.execute(
        "insert into mail_refusal (programme_id, account_id, email, answer, refused_at)"
        " select programme_id, account_id, email, 'no ' || email, now() from member where email = $1",
        OTHER,
    )

    async def refuse(message: Message) -> None:
        raise RuntimeError(f"550 <{OTHER}> unknown, about {message.id}")

    await outbox.drain(shop.installation.db, listening(refuse, ["merge.proof"]))
    failed = "outbox_message where last_error like '%' || $1 || '%'"
    assert await admin.fetchval(f"select count(*) from {failed}", OTHER) == 1
    await merged(shop)
    assert await admin.fetchval("select count(*) from mail_refusal") == 0
    await shop.order("o-1", "10.00", customer=customer)
    await leave(shop, "c-1")
    for place in (
        "merge_request where email = $1",
        "sales_order where customer_email = $1",
        failed,
    ):
        assert await admin.fetchval(f"select count(*) from {place}", OTHER) == 0, place
    assert await admin.fetchval("select count(email) from merge_request") == 0
    assert await enter(shop, "c-4", OTHER) == 0


@pytest.mark.parametrize("who", ["c-1", "c-2"])
async def test_no_reason_is_written_down_of_who_has_left(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]", who: str
) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    request = await ask(shop)
    await prove(shop, request)
    await leave(shop, who)
    refused: dict[str, Any] = await decide(shop, "rejectMerge", request, reason="Anna is not Peter")
    assert refused["requestState"] == "EXPIRED"
    assert await admin.fetchval("select count(reason) from merge_request") == 0
    assert [case["request"]["state"] for case in await cases(shop)] == ["EXPIRED"]


async def test_a_request_whose_member_has_left_before_its_proof_is_over(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    mine, theirs = await ask(shop), await ask(shop, "me@shop.example", customer="c-2")
    await leave(shop, "c-1")
    states = {case["request"]["id"]: case["request"]["state"] for case in await cases(shop)}
    assert states == {mine["id"]: "EXPIRED", theirs["id"]: "REQUESTED"}, "nobody can tell whom an address names"


@pytest.mark.parametrize(("email", "after"), [(None, OTHER), ("me@shop.example", "me@shop.example")])
async def test_a_member_without_an_address_has_the_proved_one_from_then_on(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]", email: str | None, after: str
) -> None:
    shop = await opened("2026-03-01 12:00")
    await enter(shop, "c-1", email)
    await enter(shop, "c-2", OTHER)
    await merged(shop)
    [row] = await admin.fetch("select email, email_verified from member where state = 'ACTIVE'")
    assert tuple(row) == (after, email is None)
