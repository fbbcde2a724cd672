"""Shoppers at work over HTTP, whatever happens to the servers, and what they were told.

Every step is asked for until it is answered: with the same key, as the product's callers do, or with fresh ones,
which is the control. What was acknowledged is kept on this side alone.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any

import httpx
import jwt

from pointbook.services import keys, tokens
from pointbook.services.installation import Installation
from tests.faults.market import Market

_PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.1
_RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}

_SUBMIT_ORDER = """
mutation SubmitOrder($input: SubmitOrderInput!) {
  submitOrder(input: $input) { ... on SubmitOrderSuccess { points } ... on UserError { code message } }
}
"""
_REDEEM = """
mutation Redeem($input: RedeemPointsInput!) {
  redeemPoints(input: $input) {
    ... on RedeemPointsSuccess { redemption { voucherCode points } }
    ... on UserError { code message }
  }
}
"""
_CAPTURE = """
mutation Capture($input: CaptureRedemptionInput!) {
  captureRedemption(input: $input) {
    ... on CaptureRedemptionSuccess { redemption { capturedPoints } }
    ... on UserError { code message }
  }
}
"""


Ask = Callable[[str], tuple[str, dict[str, Any]]]
"""From a key to the document and its input."""


class Refused(Exception):
    """The installation answered what it must not answer here."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the shop's back end holds: its key, and the secret it signs its customers' tokens with."""

    key: str
    kid: str
    secret: str

    @classmethod
    async def of(cls, installation: Installation, market: Market) -> "Credentials":
        now = datetime.now(UTC)
        command = keys.NewKey(keys.KeyKind.SECRET, "back end")
        key = await keys.create_key(installation, market.programme_id, command, now=now)
        signing = await tokens.create_token_key(installation, market.programme_id, "HS256", now=now)
        assert signing.secret is not None, "the shop signs with a secret"
        return cls(key.text, signing.kid, signing.secret)

    def token(self, subject: str) -> str:
        now = datetime.now(UTC)
        claims = {"aud": tokens.AUDIENCE, "sub": subject, "iat": now, "exp": now + timedelta(minutes=5)}
        return jwt.encode(claims, self.secret, algorithm="HS256", headers={"kid": self.kid})


@dataclass(slots=True)
class Told:
    """What was acknowledged, by number of the round, and how often it had to be asked again."""

    orders: set[int] = field(default_factory=set)
    redemptions: set[int] = field(default_factory=set)
    captures: set[int] = field(default_factory=set)
    asked_again: int = 0


class Load:
    """Rounds of shoppers, numbered from 0, until ``stop``; ``fresh_keys`` makes them forget what they sent."""

    def __init__(self, url: str, market: Market, credentials: Credentials, *, fresh_keys: bool) -> None:
        self.told = Told()
        self._url = url
        self._market = market
        self._credentials = credentials
        self._fresh_keys = fresh_keys
        self._numbers = count()
        self._stopping = False

    async def run(self, shoppers: int) -> None:
        """``shoppers`` rounds at the same time; returns when the last round begun before ``stop`` is complete."""
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as client, asyncio.TaskGroup() as group:
            for _ in range(shoppers):
                group.create_task(self._shopper(client))

    def stop(self) -> None:
        self._stopping = True

    async def _shopper(self, client: httpx.AsyncClient) -> None:
        while not self._stopping:
            await self._round(client, next(self._numbers))

    async def _round(self, client: httpx.AsyncClient, number: int) -> None:
        market = self._market
        order = await self._insist(
            client, number, lambda key: (_SUBMIT_ORDER, {"order": market.order(number, key)}), by_shop=True
        )
        _same(order["points"], 1)
        self.told.orders.add(number)
        redeemed = await self._insist(
            client, number, lambda key: (_REDEEM, self._redemption(number, key)), by_shop=False
        )
        _same(redeemed["redemption"]["points"], number + 1)
        self.told.redemptions.add(number)
        code = redeemed["redemption"]["voucherCode"]
        # A voucher buys once, whatever the key: under another one the shop would be told that it has ended.
        capture = {"voucherCode": code, "idempotencyKey": f"{number}"}
        captured = await self._insist(client, number, lambda _: (_CAPTURE, capture), by_shop=True)
        _same(captured["redemption"]["capturedPoints"], number + 1)
        self.told.captures.add(number)

    def _redemption(self, number: int, key: str) -> dict[str, Any]:
        return {"mode": "PARTIAL", "points": number + 1, "cart": self._market.cart(key), "idempotencyKey": key}

    async def _insist(self, client: httpx.AsyncClient, number: int, ask: Ask, *, by_shop: bool) -> dict[str, Any]:
        """Ask until there is an answer that says what became of it."""
        deadline = monotonic() + _PATIENCE_SECONDS
        for key in self._keys(number):
            query, value = ask(key)
            try:
                response = await client.post(
                    "/graphql",
                    json={"query": query, "variables": {"input": value}},
                    headers=self._headers(number, by_shop=by_shop),
                )
            except httpx.TransportError:
                response = None  # lost on the way there or back: nobody here knows which
            if response is not None and not _asks_for_patience(response):
                return _accepted(response)
            if monotonic() > deadline:
                raise Refused(f"round {number} was never answered")
            self.told.asked_again += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        raise AssertionError("keys do not end")

    def _headers(self, number: int, *, by_shop: bool) -> dict[str, str]:
        if by_shop:
            return {"Authorization": f"Bearer {self._credentials.key}"}
        token = self._credentials.token(self._market.shopper(number))
        return {"Authorization": f"Bearer {token}", "Pointbook-Key": self._credentials.key}

    def _keys(self, number: int) -> Iterator[str]:
        return (f"{number}-{attempt if self._fresh_keys else 0}" for attempt in count())


def _asks_for_patience(response: httpx.Response) -> bool:
    """503 before the document is run, an error with the same code after; 429 for too many requests."""
    if response.status_code in _RETRIED:
        return True
    errors = response.json().get("errors", [])
    return [error["extensions"].get("code") for error in errors] == ["UNAVAILABLE"]


def _accepted(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    if response.status_code != HTTPStatus.OK or "errors" in body:
        raise Refused(f"{response.status_code} {body}")
    (result,) = body["data"].values()
    if "code" in result:
        raise Refused(str(result))
    return dict(result)


def _same(answered: object, expected: object) -> None:
    if answered != expected:
        raise Refused(f"answered {answered!r} instead of {expected!r}")
