"""What points buy, as the parties of a shop ask for it over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pointbook.services.catalogue import GIFT_CARDS, save_offer
from tests.scenarios.shop import Shop

_ERRORS = "__typename ... on UserError { code message }"
_CARD = """
  id lastFour state faceValue { amount } balance { amount } held { amount } expiresAt
"""
_MINE = f"code sku name recipient {{ name email message }} deliverAt pagePath qrCode card {{ {_CARD} }}"


@dataclass(slots=True)
class Rewards:
    """The catalogue of a shop, and gift cards at each party's side. Answers are JSON."""

    shop: Shop

    async def offer_card(self, sku: str = "card-50", **more: Any) -> None:
        document = {"sku": sku, "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00", **more}
        shop = self.shop
        await save_offer(shop.installation, shop.programme.id, GIFT_CARDS, document, now=shop.clock())

    async def catalogue(self, customer: str | None = "c-1") -> list[dict[str, Any]]:
        query = "{ giftCards { nodes { sku pricePoints affordable missingPoints faceValue { amount } } } }"
        answer = await (self.shop.as_guest(query) if customer is None else self.shop.as_customer(customer, query))
        found: list[dict[str, Any]] = answer["giftCards"]["nodes"]
        return found

    async def buy(
        self, sku: str = "card-50", price: int = 500, *, key: str | None = None, customer: str = "c-1", **more: Any
    ) -> dict[str, Any]:
        answer = await self.shop.as_customer(
            customer,
            "mutation ($input: BuyGiftCardInput!) { buyGiftCard(input: $input) {"
            f" {_ERRORS} ... on PriceChanged {{ pricePoints faceValue }} ... on InsufficientPoints {{ available }}"
            f" ... on InvalidInput {{ field }} ... on BuyGiftCardSuccess {{ giftCard {{ {_MINE} }} }} }} }}",
            input={"sku": sku, "pricePoints": price, "idempotencyKey": key or uuid4().hex, **more},
        )
        return _inner(answer["buyGiftCard"], "giftCard")

    async def mine(self, customer: str = "c-1", first: int = 20, after: str | None = None) -> dict[str, Any]:
        answer = await self.shop.as_customer(
            customer,
            "query ($first: Int!, $after: String) { me { giftCards(first: $first, after: $after) {"
            f" nodes {{ {_MINE} }} pageInfo {{ hasNextPage endCursor }} }} }} }}",
            first=first,
            after=after,
        )
        found: dict[str, Any] = answer["me"]["giftCards"]
        return found

    async def use(
        self, code: str, amount: str, *, order: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        answer = await self.shop.as_server(
            "mutation ($input: UseGiftCardInput!) { useGiftCard(input: $input) {"
            f" {_ERRORS} ... on GiftCardOverdrawn {{ availableMinor }}"
            f" ... on UseGiftCardSuccess {{ giftCard {{ {_CARD} }} }} }} }}",
            input={
                "code": code,
                "amount": {"amount": amount, "currency": "EUR"},
                "orderExternalId": order,
                "idempotencyKey": key or uuid4().hex,
            },
        )
        return _inner(answer["useGiftCard"], "giftCard")

    async def hold(self, code: str, amount: str) -> dict[str, Any]:
        answer = await self.shop.as_server(
            "mutation ($input: HoldGiftCardInput!) { holdGiftCard(input: $input) {"
            f" {_ERRORS} ... on HoldGiftCardSuccess {{ holdId }} }} }}",
            input={"code": code, "amount": {"amount": amount, "currency": "EUR"}, "idempotencyKey": uuid4().hex},
        )
        found: dict[str, Any] = answer["holdGiftCard"]
        return found

    async def look(self, code: str) -> dict[str, Any] | None:
        """What the shop's server sees of a code."""
        answer = await self.shop.as_server(
            f"query ($code: String!) {{ giftCard(code: $code) {{ {_CARD} history {{ nodes {{ kind"
            " effect { amount } paidKind paidExternalId } } } }",
            code=code,
        )
        found: dict[str, Any] | None = answer["giftCard"]
        return found

    async def balance(self, code: str) -> dict[str, Any]:
        """What anybody sees of a code."""
        answer = await self.shop.as_guest(
            f"query ($code: String!) {{ giftCardBalance(code: $code) {{ {_ERRORS} ... on TooManyGuesses"
            " { retryAfter } ... on GiftCardBalance { balance { amount currency } expiresAt } } }",
            code=code,
        )
        found: dict[str, Any] = answer["giftCardBalance"]
        return found

    async def issued(self, **which: Any) -> list[dict[str, Any]]:
        answer = await self.shop.staff(
            "query ($filter: IssuedGiftCardFilter) { issuedGiftCards(filter: $filter) { nodes {"
            f" customerExternalIds sku card {{ {_CARD} }} }} }} }}",
            filter=which,
        )
        found: list[dict[str, Any]] = answer["issuedGiftCards"]["nodes"]
        return found

    async def void(self, card_id: str) -> dict[str, Any]:
        answer = await self.shop.staff(
            "mutation ($input: VoidGiftCardInput!) { voidGiftCard(input: $input) {"
            f" {_ERRORS} ... on VoidGiftCardSuccess {{ points giftCard {{ {_CARD} }} }} }} }}",
            input={"id": card_id},
        )
        found: dict[str, Any] = answer["voidGiftCard"]
        return found


def _inner(result: dict[str, Any], name: str) -> dict[str, Any]:
    """What a success tells, or the refusal."""
    found: dict[str, Any] = result.get(name) or result
    return found
