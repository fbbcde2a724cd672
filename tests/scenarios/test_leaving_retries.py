"""I8 after leaving: what the shop's server asks again has no second effect, though the member has gone."""

from typing import Any

import pytest

from tests.scenarios.conftest import OpenShop
from tests.scenarios.rewards import Rewards
from tests.scenarios.shop import Shop
from tests.scenarios.test_leaving import leave
from tests.support import give_points

_REFUSALS = "__typename ... on UserError { code message }"


async def _card_mutation(shop: Shop, name: str, success: str, **given: Any) -> dict[str, Any]:
    title = name[0].upper() + name[1:]
    answer = await shop.as_server(
        f"mutation ($input: {title}Input!) {{ {name}(input: $input) {{ {_REFUSALS}"
        f" ... on {title}Success {{ {success} }} }} }}",
        input=given,
    )
    result: dict[str, Any] = answer[name]
    return result


async def _moved(shop: Shop, code: str, what: str, key: str) -> dict[str, Any]:
    money = {"amount": "10.00", "currency": "EUR"}
    match what:
        case "use":
            return await Rewards(shop).use(code, "10.00", order="o-1", key=key)
        case "hold":
            return await _card_mutation(
                shop, "holdGiftCard", "holdId", code=code, amount=money, idempotencyKey=key
            )
    success = "giftCard { balance { amount } }"
    return await _card_mutation(
        shop, "refundGiftCard", success, code=code, amount=money, orderExternalId="o-0", idempotencyKey=key
    )


@pytest.mark.parametrize("what", ["use", "hold", "refund"])
async def test_a_till_that_asks_again_moves_a_cards_money_once(opened: OpenShop, what: str) -> None:
    """The card stays good when its buyer leaves; with another key it does move (the control)."""
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1_000, now=shop.clock())
    rewards = Rewards(shop)
    await rewards.offer_card()
    code = (await rewards.buy())["code"]
    await rewards.use(code, "20.00", order="o-0", key="paid")
    first = await _moved(shop, code, what, "till-1")
    assert "code" not in first or what == "use", first
    assert "points" in await leave(shop)
    stands = await rewards.look(code)
    assert await _moved(shop, code, what, "till-1") == first
    assert await rewards.look(code) == stands
    await _moved(shop, code, what, "till-2")
    assert await rewards.look(code) != stands


async def test_a_capture_is_answered_again_after_leaving(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1_000, now=shop.clock())
    hold = await shop.redeem(100, "20.00")
    first = await shop.capture(hold["voucherCode"], "5.00", key="k")
    await leave(shop)
    assert await shop.capture(hold["voucherCode"], "5.00", key="k") == first
    assert (await shop.capture(hold["voucherCode"], "5.00", key="other"))["code"] == "REDEMPTION_ENDED"


async def test_a_customer_who_joined_again_asks_by_new_keys(opened: OpenShop) -> None:
    """A key of before is answered as it was then: it never takes the points of the new account."""
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    nothing = {"points": 0, "debt": 0}
    assert await leave(shop, confirm=nothing, key="k") == nothing
    await shop.join()
    assert await leave(shop, confirm=nothing, key="k") == nothing
    assert await shop.me("id") is not None, "that was the answer of before"
    assert await leave(shop, confirm=nothing, key="new") == nothing
    assert await shop.me("id") is None
