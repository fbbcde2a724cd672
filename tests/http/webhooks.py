"""A sender of webhooks, for tests: it signs as the published manner says, by code of its own."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import orjson

from pointbook.services.key_directory import WebhookKind
from pointbook.services.webhooks import CreatedEndpoint, create_endpoint
from tests.http.fixtures import Reply, Shop, reply_of
from tests.support import NOW


@dataclass
class Sender:
    """``endpoint`` with its secret; every request has its own id unless one is given."""

    client: httpx.AsyncClient
    endpoint: CreatedEndpoint

    @property
    def path(self) -> str:
        return f"/webhooks/{self.endpoint.endpoint_id}"

    def headers(self, body: bytes, *, delivery: str | None = None, at: datetime = NOW) -> dict[str, str]:
        delivery = delivery or f"msg_{uuid4().hex}"
        timestamp = str(int(at.timestamp()))
        return {
            "Content-Type": "application/json",
            "webhook-id": delivery,
            "webhook-timestamp": timestamp,
            "webhook-signature": self.signature(delivery, timestamp, body),
        }

    def signature(self, delivery: str, timestamp: str, body: bytes) -> str:
        key = base64.b64decode(self.endpoint.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{delivery}.{timestamp}.".encode() + body, hashlib.sha256)
        return "v1," + base64.b64encode(mac.digest()).decode()

    async def send(self, kind: str, data: object, *, delivery: str | None = None, at: datetime = NOW) -> Reply:
        body = orjson.dumps({"type": kind, "timestamp": at.isoformat(), "data": data})
        return await self.post(body, self.headers(body, delivery=delivery, at=at))

    async def post(self, body: bytes, headers: dict[str, str]) -> Reply:
        return reply_of(await self.client.post(self.path, content=body, headers=headers))


@dataclass
class WooCommerce:
    """A WooCommerce shop that sends to ``endpoint``."""

    client: httpx.AsyncClient
    endpoint: CreatedEndpoint

    @property
    def path(self) -> str:
        return f"/webhooks/{self.endpoint.endpoint_id}"

    def headers(self, body: bytes, topic: str = "order.updated") -> dict[str, str]:
        mac = hmac.new(self.endpoint.secret.encode(), body, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": "https://shop.example/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
            "X-WC-Webhook-ID": "5",
            "X-WC-Webhook-Delivery-ID": "the same within a second",
        }

    async def send(self, payload: object, topic: str = "order.updated") -> Reply:
        body = orjson.dumps(payload)
        return await self.post(body, self.headers(body, topic))

    async def post(self, body: bytes, headers: dict[str, str]) -> Reply:
        return reply_of(await self.client.post(self.path, content=body, headers=headers))


async def make_sender(shop: Shop) -> Sender:
    made = await create_endpoint(shop.installation, shop.programme.id, WebhookKind.STANDARD, "the shop", now=NOW)
    return Sender(shop.client, made)


async def make_woocommerce(shop: Shop) -> WooCommerce:
    made = await create_endpoint(
        shop.installation, shop.programme.id, WebhookKind.WOOCOMMERCE, "the shop", now=NOW
    )
    return WooCommerce(shop.client, made)


def return_document(external_id: str = "r-1", order: str = "o-1", **more: Any) -> dict[str, Any]:
    """Everything of the order unless ``more`` says what."""
    document = {"externalId": external_id, "orderExternalId": order, "type": "RETURN", "currency": "EUR"}
    return {**document, **(more or {"everything": True})}
