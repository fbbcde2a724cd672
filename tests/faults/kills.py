"""Load over HTTP while parts of the installation are killed, and what the books say of it afterwards.

A shopper's round: an order earns points, points are redeemed for a cart, the voucher is captured. Every step is
asked for until it is acknowledged: with the same key, as the product's callers do, or with fresh ones, which is
the control. Rounds are known by their number in what they leave behind.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any

import httpx

from pointbook import ledger
from pointbook.db.session import Database
from tests.faults.installation import Installation, Part
from tests.faults.shop import CAPTURE, JOIN, REDEEM, SUBMIT_ORDER, Shop, open_shop

_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.05
_RETRIED = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Refused(Exception):
    """The installation answered what it must not answer here."""


@dataclass(slots=True)
class Books:
    """What the ledger holds of each round, by number."""

    accrued: Counter[int]
    held: Counter[int]
    captured: Counter[int]

    def doubles(self) -> int:
        return sum(times - 1 for effects in self._all() for times in effects.values())

    def missing(self, acknowledged: "Acknowledged") -> int:
        """Effects that were acknowledged and are not there."""
        pairs = zip((acknowledged.orders, acknowledged.vouchers, acknowledged.captures), self._all(), strict=True)
        return sum(len(told - set(effects)) for told, effects in pairs)

    def _all(self) -> tuple[Counter[int], Counter[int], Counter[int]]:
        return self.accrued, self.held, self.captured


@dataclass(slots=True)
class Acknowledged:
    """What the client was told, by number of the round; kept on the client's side alone."""

    orders: set[int] = field(default_factory=set)
    vouchers: set[int] = field(default_factory=set)
    captures: set[int] = field(default_factory=set)
    retries: int = 0


class Load:
    """Shoppers at work until told to stop. ``fresh_keys`` makes them forget their keys at each try."""

    def __init__(self, url: str, shop: Shop, *, fresh_keys: bool, first: int = 0) -> None:
        self._url = url
        self._shop = shop
        self._fresh_keys = fresh_keys
        self._numbers = count(first)
        self.acknowledged = Acknowledged()
        self.stopping = False

    async def run(self, shoppers: int) -> None:
        """Each shopper ends with the round it is in."""
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as client, asyncio.TaskGroup() as group:
            for _ in range(shoppers):
                group.create_task(self._shopper(client))

    async def _shopper(self, client: httpx.AsyncClient) -> None:
        while not self.stopping:
            await self._round(client, next(self._numbers))

    async def _round(self, client: httpx.AsyncClient, number: int) -> None:
        shop = self._shop
        told = self.acknowledged
        await self._insist(lambda key: shop.ask(client, SUBMIT_ORDER, shop.order(number, key)), number)
        told.orders.add(number)
        voucher = await self._insist(
            lambda key: shop.ask(client, REDEEM, shop.redemption(number, key), customer=number), number
        )
        told.vouchers.add(number)
        code = voucher["redemption"]["code"]
        await self._insist(lambda key: shop.ask(client, CAPTURE, shop.capture(code, number, key)), number)
        told.captures.add(number)

    async def _insist(self, ask: Callable[[str], Awaitable[httpx.Response]], number: int) -> dict[str, Any]:
        """Ask until there is an answer that says what became of it."""
        deadline = monotonic() + _PATIENCE_SECONDS
        for key in self._keys(number):
            try:
                response = await ask(key)
            except httpx.TransportError:
                pass  # the answer is lost, or there was none
            else:
                if response.status_code not in _RETRIED:
                    return _accepted(response)
            assert monotonic() < deadline, f"round {number} was never answered"
            self.acknowledged.retries += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        raise AssertionError("keys do not end")

    def _keys(self, number: int) -> Iterator[str]:
        return (f"{number}-{attempt if self._fresh_keys else 0}" for attempt in count())


def _accepted(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    if response.status_code != HTTPStatus.OK or "errors" in body:
        raise Refused(f"{response.status_code} {body}")
    (result,) = body["data"].values()
    if "code" in result:  # a typed error, where none can be expected
        raise Refused(str(result))
    return dict(result)
