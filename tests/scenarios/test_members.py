"""What customers say of themselves when they join and afterwards (R32)."""

from typing import Any

import pytest

from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import everything

JOIN = """
mutation ($input: JoinInput) { join(input: $input) {
  ... on UserError { code message } ... on InvalidInput { field }
  ... on JoinSuccess { created member { email birthday notifications { optIn since } } }
} }
"""


async def joined(shop: Shop, customer: str, **what: Any) -> dict[str, Any]:
    result: dict[str, Any] = (await shop.as_customer(customer, JOIN, input={"acceptTerms": True} | what))["join"]
    return result


async def notify(shop: Shop, *, opt_in: bool, customer: str = "c-1") -> dict[str, Any]:
    answer = await shop.as_customer(
        customer,
        "mutation ($input: SetNotificationsInput!) { setNotifications(input: $input) {"
        " ... on UserError { code } ... on SetNotificationsSuccess { notifications { optIn since } } } }",
        input={"optIn": opt_in},
    )
    result: dict[str, Any] = answer["setNotifications"]
    return result


async def test_r32_only_who_said_so_is_opted_in_and_since_when_is_kept(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    silent = await joined(shop, "c-1", email="Ann@Example.org", birthday="1990-02-28")
    assert silent["member"] == {
        "email": "ann@example.org",
        "birthday": "1990-02-28",
        "notifications": {"optIn": False, "since": None},
    }
    for customer, said in (("c-2", True), ("c-3", False)):
        chosen = (await joined(shop, customer, optIn=said))["member"]["notifications"]
        assert chosen == {"optIn": said, "since": "2026-03-01T12:00:00Z"}
    for day, said, since in (
        (2, False, 2),  # to say no is to have said something
        (3, True, 3),
        (4, True, 3),  # said again: nothing changes
        (5, False, 5),
    ):
        shop.clock.now = at(f"2026-03-0{day} 09:00")
        wanted = {"optIn": said, "since": f"2026-03-0{since}T09:00:00Z"}
        assert await notify(shop, opt_in=said) == {"notifications": wanted}
        assert (await shop.me("notifications { optIn since }"))["notifications"] == wanted
    assert await notify(shop, opt_in=True, customer="nobody") == {"code": "NOT_A_MEMBER"}


async def test_a_birthday_is_a_day_that_has_been_where_the_programme_is(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 23:30")  # in Berlin it is the next day
    assert (await joined(shop, "c-1", birthday="2026-03-02"))["created"]
    for day in ("2026-03-03", "1899-12-31"):
        refused = await joined(shop, "c-2", birthday=day)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "birthday")
    assert await shop.me("id", "c-2") is None


@pytest.mark.parametrize("arguments", ["", "(input: {})", "(input: {acceptTerms: false})"])
async def test_nobody_joins_who_has_not_agreed_to_the_terms(opened: OpenShop, arguments: str) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100)
    before = await everything(shop.installation.db, shop.programme)
    asked = f"mutation {{ join{arguments} {{ ... on InvalidInput {{ code field }} }} }}"
    refused = (await shop.as_customer("c-1", asked))["join"]
    assert refused == {"code": "INVALID_INPUT", "field": "acceptTerms"}
    assert await everything(shop.installation.db, shop.programme) == before
