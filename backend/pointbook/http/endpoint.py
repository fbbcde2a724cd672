"""The GraphQL endpoint: a request's way from the socket to the engine and back.

limits of the body, who calls, whose page it is, how much they may still ask for, which document; then the
engine runs it. Whatever is refused on the way is a GraphQL response with an HTTP status.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pointbook.domain.access import CallerKind, Principal
from pointbook.http import cors, guard, media, parameters, responses
from pointbook.http.authentication import Caller, credentials, customer, key_holder, signing_key
from pointbook.http.failures import told, unavailable
from pointbook.http.problems import Problem, too_much
from pointbook.http.rate_limit import RateLimiter, Rates
from pointbook.http.strangers import Strangers, peer_of
from pointbook.services.installation import Installation

_COST_OF_REFUSAL = 10
_LARGE = 5_000  # bytes of a body, or of the query of a GET; smaller ones come with the cost of their document
_BYTES_PER_COST = 100
_BYTES_PER_COST_OF_SERVERS = 5_000  # orders by the hundred; pages send carts


class Answer(Protocol):
    """A GraphQL response and the HTTP status of it under application/graphql-response+json."""

    @property
    def body(self) -> dict[str, Any]: ...
    @property
    def status(self) -> int: ...


class Prepared(Protocol):
    """An operation that may be run at a cost, or its refusal."""

    @property
    def cost(self) -> int: ...
    @property
    def public(self) -> bool: ...
    @property
    def bulk(self) -> bool: ...
    @property
    def refusal(self) -> Answer | None: ...


class Engine(Protocol):
    """What runs operations."""

    def prepare(
        self,
        text: str | None,
        document_id: str | None,
        operation_name: str | None,
        variables: Mapping[str, object],
        *,
        any_document: bool,
        introspection: bool,
        read_only: bool,
    ) -> Prepared: ...
    async def execute(self, prepared: Any, principal: Principal, peer: str | None = None) -> Answer: ...


class GraphQLEndpoint:
    """ASGI application of ``/graphql``."""

    def __init__(
        self,
        engine: Engine,
        installation: Installation,
        limiter: RateLimiter,
        rates: Rates,
        *,
        clock: Callable[[], datetime],
        report: Callable[[BaseException], str],
    ) -> None:
        self._engine = engine
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
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS":
            return cors.preflight()
        reply = _Reply()
        try:
            _require_method(scope["method"])
            reply.media_type = media.answer_type(headers.get("accept"))
            return await self._answer(scope, receive, headers, reply)
        except Problem as refusal:
            return responses.problem(refusal, reply.media_type, reply.headers)
        except asyncio.CancelledError:  # the server ends, and the caller is to ask another one
            return responses.problem(unavailable(), reply.media_type, reply.headers)
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            return responses.problem(told(failure, self._report), reply.media_type, reply.headers)

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers, reply: "_Reply") -> Response:
        get = scope["method"] == "GET"
        if not get:
            media.require_json(headers.get("content-type"))
        caller = await self._caller(scope, headers, reply)
        await self._charge(caller.principal, 1)
        async with self._refusals_cost(caller.principal):
            given, size = await _asked(scope, receive, headers, caller)
        if size >= _LARGE:
            server = caller.principal.kind is CallerKind.SERVER
            per_cost = _BYTES_PER_COST_OF_SERVERS if server else _BYTES_PER_COST
            await self._charge(caller.principal, size // per_cost)
        prepared = self._engine.prepare(
            given.text,
            given.document_id,
            given.operation_name,
            given.variables,
            any_document=not caller.trusted_only,
            introspection=caller.introspection,
            read_only=get,
        )
        if prepared.refusal is not None:
            await self._charge(caller.principal, _COST_OF_REFUSAL)
            return _response(prepared.refusal, reply)
        if not get and size > guard.MAX_BODY and not prepared.bulk:
            await self._charge(caller.principal, _COST_OF_REFUSAL)
            raise guard.too_large(guard.MAX_BODY)
        await self._charge(caller.principal, prepared.cost)
        answer = await self._engine.execute(prepared, caller.principal, peer_of(scope.get("client")))
        guest = caller.principal.kind is CallerKind.GUEST
        if get and guest and prepared.public and "errors" not in answer.body:
            return responses.public(answer.body, reply.media_type, reply.headers, headers.get("if-none-match"))
        return _response(answer, reply)

    async def _caller(self, scope: Scope, headers: Headers, reply: "_Reply") -> Caller:
        """Who calls. The page's origin is judged before the token, so that it can read that the token is bad."""
        now, given, peer = self._clock(), credentials(headers), peer_of(scope.get("client"))
        async with self._strangers.trying(peer, given.key):
            holder = await key_holder(self._installation, given, now=now)
        async with self._refusals_cost(holder.principal):
            reply.headers = cors.origin_headers(headers, holder.origins)
            if given.token is None:
                return holder
            async with self._strangers.trying(peer, signing_key(given.token), of_many=True):
                return await customer(self._installation, holder, given.token, now=now)

    @contextlib.asynccontextmanager
    async def _refusals_cost(self, principal: Principal) -> AsyncIterator[None]:
        """What is refused inside was work, too, and is charged."""
        try:
            yield
        except Problem:
            await self._charge(principal, _COST_OF_REFUSAL)
            raise

    async def _charge(self, principal: Principal, cost: int) -> None:
        decision = await self._limiter.take(self._bucket(principal), cost, self._rates.of(principal.kind))
        if not decision.allowed:
            raise too_much(decision.retry_after)

    def _bucket(self, principal: Principal) -> str:
        """The name of a caller's bucket; a customer's id is a personal datum that nobody can guess from it."""
        if principal.subject is None:
            return f"{principal.programme_id}:{principal.key_id}"
        programme = str(principal.programme_id)
        name = self._installation.secrets.derive("rate limit bucket", programme, principal.subject)
        return f"{programme}:{name.hex()[:24]}"


@dataclass(slots=True)
class _Reply:
    """What is known of the response before there is one."""

    media_type: str = media.JSON
    headers: Mapping[str, str] = field(default_factory=dict)


async def _asked(
    scope: Scope, receive: Receive, headers: Headers, caller: Caller
) -> tuple[parameters.Parameters, int]:
    """What a request asks for, and the bytes that say so."""
    if scope["method"] == "GET":
        query = scope["query_string"]
        return parameters.of_query(query), len(query)
    server = caller.principal.kind is CallerKind.SERVER
    limit = guard.MAX_SERVER_BODY if server else guard.MAX_BODY
    body = await guard.read_body(receive, announced=headers.get("content-length"), limit=limit)
    return parameters.of_body(body), len(body)


def _require_method(method: str) -> None:
    if method not in {"GET", "POST"}:
        raise Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "Use GET or POST.",
            {"Allow": "GET, POST, OPTIONS"},
        )


def _response(answer: Answer, reply: _Reply) -> Response:
    """Under application/json the status says only whether the transport worked, as GraphQL over HTTP has it."""
    shown = answer.status if reply.media_type == media.GRAPHQL or answer.status != HTTPStatus.BAD_REQUEST else 200
    return responses.private(answer.body, reply.media_type, shown, reply.headers)
