"""What the shop's server and the staff put right of a member, and the further ids of one (R14)."""

import asyncio
from typing import Any

import pytest

from pointbook.domain.access import ALL_RIGHTS, Right
from pointbook.services.audit import Action, Wanted, list_entries
from pointbook.services.keys import KeyKind, NewKey, create_key
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import everything, topics

MEMBER = """
  id customerExternalIds email emailVerified locale birthday notifications { optIn since } joinedAt state
  redemptionLocked
"""


async def ask(shop: Shop, field: str, *, by_staff: bool = False, **what: Any) -> dict[str, Any]:
    """The success, or the error, of a mutation whose input is named after it."""
    name = field[0].upper() + field[1:]
    further = "created signUpPoints" if field == "enrolMember" else ""
    mutation = (
        f"mutation ($input: {name}Input!) {{ {field}(input: $input) {{"
        " ... on UserError { code message } ... on InvalidInput { field }"
        f" ... on {name}Success {{ {further} released member {{ {MEMBER} }} }} }} }}"
    )
    answer = await (shop.staff if by_staff else shop.as_server)(mutation, input=what)
    result: dict[str, Any] = answer[field]
    return result


async def update(shop: Shop, customer: str = "c-1", *, by_staff: bool = False, **what: Any) -> dict[str, Any]:
    return await ask(shop, "updateMember", by_staff=by_staff, customerExternalId=customer, **what)


async def test_the_shops_server_enrols_a_customer_once(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100)
    told: dict[str, Any] = {
        "customerExternalId": "c-1",
        "email": "Ann@Example.org",
        "emailVerified": True,
        "locale": "de",
        "birthday": "1990-02-28",
        "optIn": True,
    }
    enrolled = await ask(shop, "enrolMember", **told)
    member = enrolled.pop("member")
    assert enrolled == {"created": True, "signUpPoints": 100, "released": 0}
    assert member.pop("id") == (await shop.me("id"))["id"]
    assert member == {
        "customerExternalIds": ["c-1"],
        "email": "ann@example.org",
        "emailVerified": True,
        "locale": "de",
        "birthday": "1990-02-28",
        "notifications": {"optIn": True, "since": "2026-03-01T12:00:00Z"},
        "joinedAt": "2026-03-01T12:00:00Z",
        "state": "ACTIVE",
        "redemptionLocked": False,
    }
    before = await everything(shop.installation.db, shop.programme)
    again = await ask(shop, "enrolMember", **told | {"email": "other@example.org", "optIn": False})
    assert (again["created"], again["member"]["email"]) == (False, "ann@example.org")
    assert await everything(shop.installation.db, shop.programme) == before


async def test_what_is_not_named_stays_and_null_empties(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await ask(shop, "enrolMember", customerExternalId="c-1", email="a@example.org", emailVerified=True, optIn=True)
    same = {"email": "a@example.org", "emailVerified": True, "locale": None, "birthday": None}
    opted = {"optIn": True, "since": "2026-03-01T12:00:00Z"}
    shop.clock.now = at("2026-03-02 12:00")
    for what, changed in (
        ({}, {}),
        ({"locale": "en", "birthday": "1990-02-28"}, {"locale": "en", "birthday": "1990-02-28"}),
        ({"email": "A@EXAMPLE.org"}, {}),  # the same address, so it stays verified
        ({"email": "b@example.org"}, {"email": "b@example.org", "emailVerified": False}),
        ({"emailVerified": True}, {"emailVerified": True}),
        ({"birthday": None, "locale": None}, {"birthday": None, "locale": None}),
        ({"email": None}, {"email": None, "emailVerified": False}),
        ({"optIn": True}, {}),
        ({"optIn": False}, {"notifications": {"optIn": False, "since": "2026-03-02T12:00:00Z"}}),
    ):
        same = {"notifications": opted} | same | changed
        member = (await update(shop, by_staff=len(what) == 1, **what))["member"]
        assert {name: member[name] for name in same} == same, what


async def test_who_may_edit_but_not_see_members_is_told_no_more_than_they_said(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await ask(shop, "enrolMember", customerExternalId="c-1", email="a@example.org", birthday="1990-02-28")
    await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="c-9")
    query = (
        'mutation { updateMember(input: {customerExternalId: "c-1"}) { ... on UpdateMemberSuccess {'
        " member { customerExternalIds email birthday state } } } }"
    )
    whole = {"customerExternalIds": ["c-1", "c-9"], "email": "a@example.org", "birthday": "1990-02-28"}
    less = {"customerExternalIds": ["c-1"], "email": None, "birthday": None}
    for rights, told in ((ALL_RIGHTS, whole), ({Right.EDIT_MEMBERS}, less)):
        ben = NewKey(KeyKind.STAFF, "Ben", rights=frozenset(rights))
        key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
        headers = {"Authorization": f"Bearer {key.text}"}
        answer = (await shop.client.post("/graphql", headers=headers, json={"query": query})).json()
        assert answer["data"]["updateMember"]["member"] == told | {"state": "ACTIVE"}


async def test_the_audit_says_which_fields_and_by_whom_but_not_what_they_hold(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    member = await update(shop, email="Ann@Example.org", emailVerified=True, birthday="1990-02-28")
    await update(shop, email="ann@example.org")  # as it is: nothing to write down
    await update(shop, by_staff=True, optIn=True)
    await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="secret-9")
    subject = f"member {member['member']['id']}"
    entries = await list_entries(shop.installation, shop.programme.id, first=9, wanted=Wanted(subject))
    assert {entry.change.action for entry in entries} == {Action.MEMBER_EDITED}
    assert [(entry.change.after, entry.changed_by.partition(":")[0]) for entry in reversed(entries)] == [
        ({"changed": ["birthday", "email", "emailVerified"]}, "SERVER"),
        ({"changed": ["optIn"]}, "STAFF"),
        ({"changed": ["externalIds"]}, "SERVER"),
    ]
    assert not any(hidden in str(entries) for hidden in ("example", "1990", "secret"))


async def test_r14_a_newly_verified_address_gives_the_member_what_waited_for_it(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", releaseParkedOnJoin=True)
    await shop.join()
    guest = {"externalId": "guest-1", "email": "ann@example.org", "emailVerified": True}
    assert (await shop.order("o-1", "10.00", customer=guest))["outcome"] == "PARKED"
    assert (await update(shop, email="ann@example.org"))["released"] == 0, "anybody may claim an address"
    assert (await update(shop, emailVerified=True))["released"] == 1
    assert (await shop.balance())["available"] == 10
    assert (await update(shop, emailVerified=True))["released"] == 0
    assert (await topics(shop.installation.db, shop.programme)).count("points.credited") == 1


async def test_r8_what_is_released_counts_on_where_caps_stand(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", releaseParkedOnJoin=True)
    await shop.add_rule("Tee", "ARTICLE", targets=["tea"], points=30, caps={"perDay": 40})
    await shop.join()
    tea = [{"id": "1", "articleId": "tea", "quantity": "1", "unitPrice": "0.10", "amount": "0.10"}]
    guest = {"externalId": "guest-1", "email": "ann@example.org", "emailVerified": True}
    earned = (await shop.order("o-1", "0.10", lines=tea))["points"]
    assert earned == 30
    await shop.order("o-2", "0.10", lines=tea, customer=guest)
    await update(shop, email="ann@example.org", emailVerified=True)
    assert (await shop.balance())["available"] == 40
    assert (await shop.order("o-3", "0.10", lines=tea))["points"] == 0, "the day's cap is used up"


@pytest.mark.parametrize("release", [True, False])
async def test_r14_a_further_id_gives_the_member_what_waited_for_it(opened: OpenShop, *, release: bool) -> None:
    shop = await opened("2026-03-01 12:00", releaseParkedOnJoin=release)
    await shop.join()
    await shop.order("o-1", "10.00", customer={"externalId": "c-2"})
    answer = await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="c-2")
    assert (answer["released"], answer["member"]["customerExternalIds"]) == (int(release), ["c-1", "c-2"])
    assert (await shop.order("o-2", "5.00", customer={"externalId": "c-2"}))["points"] == 5
    expected = 15 if release else 5
    for name in ("c-1", "c-2"):
        assert (await shop.balance(name))["available"] == expected, "both tokens are the one member's"
    before = await everything(shop.installation.db, shop.programme)
    again = await ask(shop, "addCustomerExternalId", customerExternalId="c-2", furtherExternalId="c-1")
    assert again["released"] == 0
    assert await everything(shop.installation.db, shop.programme) == before


async def test_an_id_is_one_members_only(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join("c-1")
    await shop.join("c-2")
    before = await everything(shop.installation.db, shop.programme)
    taken = await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="c-2")
    assert taken["code"] == "EXTERNAL_ID_TAKEN"
    assert await everything(shop.installation.db, shop.programme) == before


async def test_one_id_claimed_by_two_members_and_a_joining_at_once_is_one_members(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    for turn in range(8):
        names = [f"{letter}-{turn}" for letter in "ab"]
        for name in names:
            await shop.join(name)
        fought_over = f"z-{turn}"
        claims = [
            ask(shop, "addCustomerExternalId", customerExternalId=name, furtherExternalId=fought_over)
            for name in names
        ]
        answers = await asyncio.gather(*claims, shop.join(fought_over))
        owners = [name for name, answer in zip(names, answers[:2], strict=True) if "member" in answer]
        owners += [fought_over] if answers[2]["created"] else []
        assert len(owners) == 1, answers
        whose = {name: (await shop.me("id", name))["id"] for name in [*names, fought_over]}
        assert whose[fought_over] == whose[owners[0]]


async def test_a_member_who_does_not_earn_is_given_nothing_that_waits(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", releaseParkedOnJoin=True)
    await shop.join()
    await shop.order("o-1", "10.00", customer={"externalId": "c-2"})
    await shop.staff(
        'mutation { setMemberState(input: {customerExternalId: "c-1", state: INACTIVE}) { __typename } }'
    )
    answer = await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="c-2")
    assert (answer["released"], (await shop.balance())["pending"]) == (0, 0)


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"emailVerified": True}, "emailVerified"),
        ({"emailVerified": None}, "emailVerified"),
        ({"email": None, "emailVerified": True}, "emailVerified"),
        ({"locale": "fr"}, "locale"),
        ({"birthday": "1899-12-31"}, "birthday"),
        ({"birthday": "2026-03-02"}, "birthday"),
        ({"optIn": None}, "optIn"),
        ({"customerExternalId": "c\n"}, "customerExternalId"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    opened: OpenShop, what: dict[str, Any], field: str
) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    before = await everything(shop.installation.db, shop.programme)
    refused = await ask(shop, "updateMember", **{"customerExternalId": "c-1", "locale": "en"} | what)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)
    assert (await update(shop, "nobody", locale="en"))["code"] == "NOT_A_MEMBER"
    assert await everything(shop.installation.db, shop.programme) == before


async def test_staff_need_the_right_to_edit_members(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    ben = NewKey(KeyKind.STAFF, "Ben", rights=ALL_RIGHTS - {Right.EDIT_MEMBERS})
    key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
    mutation = 'mutation { updateMember(input: {customerExternalId: "c-1", locale: "en"}) { __typename } }'
    answer = await shop.client.post(
        "/graphql", headers={"Authorization": f"Bearer {key.text}"}, json={"query": mutation}
    )
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["FORBIDDEN"]
