"""The endpoint for webhooks: which one, how much, who signed; then the use case, and an answer in a few words.

Whoever cannot prove a signature gets one and the same 401, whether the endpoint is unknown or revoked, or the
signature forged or old. A document that is refused is a 422: sent again as it is, it would be refused again.

WooCommerce signs in a manner of its own, and tries an endpoint with an unsigned form, which has to get a 200.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pointbook.domain.access import CallerKind
from pointbook.domain.errors import ClockAhead, InvalidInput, PointbookError
from pointbook.domain.webhook_signatures import is_standard, is_woocommerce
from pointbook.http import guard, media, responses
from pointbook.http.failures import told, unavailable
from pointbook.http.parameters import json_object
from pointbook.http.problems import Problem, too_much
from pointbook.http.rate_limit import RateLimiter, Rates
from pointbook.http.strangers import Strangers, peer_of
from pointbook.services.installation import Installation
from pointbook.services.key_directory import WebhookEndpointRecord, WebhookKind
from pointbook.services.webhook_intake import AnotherBody, Delivery, receive
from pointbook.services.webhooks import secret_text
from pointbook.services.woocommerce_intake import receive_woocommerce

_COST = 20
_BYTES_PER_COST = 5_000
_MAX_ID = 64
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


class WebhookReceiver:
    """ASGI application of ``/webhooks/{endpoint_id}``."""

    def __init__(
        self,
        installation: Installation,
        limiter: RateLimiter,
        rates: Rates,
        *,
        clock: Callable[[], datetime],
        report: Callable[[BaseException], str],
    ) -> None:
        self._installation = installation
        self._limiter = limiter
        self._rates = rates
        self._strangers = Strangers(rates.stranger)
        self._clock = clock
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        try:
            return _json(HTTPStatus.OK, await self._answer(scope, receive))
        except PointbookError as refusal:
            if not isinstance(refusal, ClockAhead):
                return _json(HTTPStatus.UNPROCESSABLE_ENTITY, refused(refusal))
            self._report(refusal)
            problem = unavailable()  # not the sender's fault: later it may be taken
        except AnotherBody:
            problem = Problem(HTTPStatus.CONFLICT, "DELIVERY_CONFLICT", "This id was taken with another body.")
        except Problem as given:
            problem = given
        except asyncio.CancelledError:  # the server ends, and the sender is to come again
            problem = unavailable()
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            problem = told(failure, self._report)
        return _json(problem.status, _told(problem.code, str(problem)), problem.headers)

    async def _answer(self, scope: Scope, receive: Receive) -> Mapping[str, Any]:
        if scope["method"] != "POST":
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Webhooks are POST.", {"Allow": "POST"}
            )
        headers, now, peer = Headers(scope=scope), self._clock(), peer_of(scope.get("client"))
        endpoint_id: str = scope["path_params"]["endpoint_id"]
        # The path is no secret, so one forger does not make an endpoint unfamiliar: it is of many.
        async with self._strangers.trying(peer, endpoint_id[:_MAX_ID], of_many=True):
            endpoint = await self._endpoint(endpoint_id)
            body = await guard.read_body(
                receive, announced=headers.get("content-length"), limit=guard.MAX_SERVER_BODY
            )
            if endpoint.kind is WebhookKind.WOOCOMMERCE and _PING.fullmatch(body):
                return {"outcome": "READY"}
            _require_signature(endpoint, headers, body, now)
        await self._charge(endpoint, len(body))
        media.require_json(headers.get("content-type"))
        own = await self._installation.programmes.now(endpoint.programme_id, now)
        return await self._take(endpoint, headers, body, own)

    async def _take(
        self, endpoint: WebhookEndpointRecord, headers: Headers, body: bytes, now: datetime
    ) -> Mapping[str, Any]:
        message = json_object(body, "body")
        if endpoint.kind is WebhookKind.WOOCOMMERCE:
            topic = headers.get("x-wc-webhook-topic", "")
            return await receive_woocommerce(self._installation, endpoint.programme_id, topic, message, now=now)
        delivery = Delivery(endpoint, headers["webhook-id"], body)
        return await receive(self._installation, delivery, message, now=now)

    async def _endpoint(self, endpoint_id: str) -> WebhookEndpointRecord:
        if len(endpoint_id) > _MAX_ID or not (endpoint_id.isascii() and endpoint_id.isalnum()):
            raise _not_proven()
        endpoint = await self._installation.keys.webhook_endpoint(endpoint_id)
        if endpoint is None:
            raise _not_proven()
        return endpoint

    async def _charge(self, endpoint: WebhookEndpointRecord, size: int) -> None:
        bucket = f"{endpoint.programme_id}:webhook:{endpoint.endpoint_id}"
        cost = _COST + size // _BYTES_PER_COST
        decision = await self._limiter.take(bucket, cost, self._rates.of(CallerKind.SERVER))
        if not decision.allowed:
            raise too_much(decision.retry_after)


def refused(refusal: PointbookError) -> dict[str, Any]:
    """Why a document is refused, and which field of it, as its sender wrote it."""
    field = refusal.field if isinstance(refusal, InvalidInput) else None
    return _told(refusal.code, str(refusal), field)


def _require_signature(endpoint: WebhookEndpointRecord, headers: Headers, body: bytes, now: datetime) -> None:
    """Raise Problem 401 unless the headers prove who sent the body."""
    if endpoint.kind is WebhookKind.WOOCOMMERCE:
        signature = headers.get("x-wc-webhook-signature", "")
        proven = is_woocommerce(secret_text(endpoint.kind, endpoint.secret), signature, body)
    else:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        delivery_id, timestamp, signatures = (headers.get(name, "") for name in names)
        proven = is_standard(endpoint.secret, delivery_id, timestamp, signatures, body, now=now)
    if not proven:
        raise _not_proven()


def _not_proven() -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", "No endpoint here takes a webhook signed like this."
    )


def _told(code: str, message: str, field: str | None = None) -> dict[str, Any]:
    said = {"code": code, "message": message}
    return said if field is None else {**said, "field": field}


def _json(status: HTTPStatus, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return responses.private(body, media.JSON, status, headers or {})
