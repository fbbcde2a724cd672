"""The GraphQL endpoint: a request's way from the socket to the engine and back.

limits of the body, who calls, whose page it is, how much they may still ask for, which document; then the
engine runs it. Whatever is refused on the way is a GraphQL response with an HTTP status.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pointbook.domain.access import CallerKind, Principal
from pointbook.http import cors, guard, media, parameters, responses
from pointbook.http.admission import COST_OF_REFUSAL
from pointbook.http.authentication import Caller, Credentials, credentials
from pointbook.http.event_stream import EventStream
from pointbook.http.failures import told, unavailable
from pointbook.http.problems import Problem
from pointbook.http.staying import Stays
from pointbook.http.strangers import peer_of

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
    def live(self) -> bool: ...
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
    async def subscribe(
        self, prepared: Any, principal: Principal, peer: str | None = None
    ) -> Answer | AsyncGenerator[dict[str, Any], None]: ...


class GraphQLEndpoint:
    """ASGI application of ``/graphql``."""

    def __init__(self, engine: Engine, stays: Stays, *, report: Callable[[BaseException], str]) -> None:
        self._engine = engine
        self._stays = stays
        self._admission = stays.admission
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(scope, receive)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> ASGIApp:
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

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers, reply: "_Reply") -> ASGIApp:
        get = scope["method"] == "GET"
        if not get:
            media.require_json(headers.get("content-type"))
        caller = await self._admission.caller(headers, scope.get("client"), reply.allow)
        await self._admission.charge(caller.principal, 1)
        async with self._admission.refusals_cost(caller.principal):
            given, size = await _asked(scope, receive, headers, caller)
        if size >= _LARGE:
            server = caller.principal.kind is CallerKind.SERVER
            per_cost = _BYTES_PER_COST_OF_SERVERS if server else _BYTES_PER_COST
            await self._admission.charge(caller.principal, size // per_cost)
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
            await self._admission.charge(caller.principal, COST_OF_REFUSAL)
            return _response(prepared.refusal, reply)
        if not get and size > guard.MAX_BODY and not prepared.bulk:
            await self._admission.charge(caller.principal, COST_OF_REFUSAL)
            raise guard.too_large(guard.MAX_BODY)
        media.require_way(headers.get("accept"), live=prepared.live)
        await self._admission.charge(caller.principal, prepared.cost)
        peer = peer_of(scope.get("client"))
        if prepared.live:
            return await self._stream(prepared, caller, credentials(headers), peer, reply)
        answer = await self._engine.execute(prepared, caller.principal, peer)
        guest = caller.principal.kind is CallerKind.GUEST
        if get and guest and prepared.public and "errors" not in answer.body:
            return responses.public(answer.body, reply.media_type, reply.headers, headers.get("if-none-match"))
        return _response(answer, reply)

    async def _stream(
        self, prepared: Prepared, caller: Caller, given: Credentials, peer: str, reply: "_Reply"
    ) -> ASGIApp:
        with contextlib.ExitStack() as leaving:
            stay = leaving.enter_context(self._stays.staying(caller, given))
            started = await self._engine.subscribe(prepared, caller.principal, peer)
            if isinstance(started, AsyncGenerator):
                return EventStream(started, stay, leaving.pop_all(), self._stays.pace, reply.headers)
            return _response(started, reply)


@dataclass(slots=True)
class _Reply:
    """What is known of the response before there is one."""

    media_type: str = media.JSON
    headers: Mapping[str, str] = field(default_factory=lambda: cors.REFUSAL)

    def allow(self, headers: Mapping[str, str]) -> None:
        self.headers = headers


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
