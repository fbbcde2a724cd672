"""graphql-transport-ws: many subscriptions over one WebSocket.

Browsers cannot set headers of a WebSocket, so the first message, ``connection_init``, shows the credentials:
``{"authorization": "Bearer ...", "pointbookKey": "pk_..."}``. Queries and mutations are refused: they go over
HTTP.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from pointbook.http import parameters
from pointbook.http.admission import COST_OF_REFUSAL
from pointbook.http.authentication import KEY_HEADER, Caller, credentials
from pointbook.http.endpoint import Engine
from pointbook.http.failures import told
from pointbook.http.problems import Problem, bad_request
from pointbook.http.staying import End, Stay, Stays
from pointbook.http.strangers import peer_of

PROTOCOL: Final = "graphql-transport-ws"
MOST_SUBSCRIPTIONS: Final = 10
"""At a time, of one connection."""
MAX_MESSAGE: Final = 100_000
"""Bytes of a message; the server that carries them is told."""
_MAX_ID: Final = 100
_MAX_REASON: Final = 123
"""Bytes: a close frame has 125 with its code."""

_Message = dict[str, Any]


class Code(IntEnum):
    """Why the server closes a connection, as the protocol numbers it."""

    GOING_AWAY = 1001
    TRY_AGAIN = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE = 4409
    TOO_MANY_INITS = 4429


_CODES: Final = {400: Code.BAD_REQUEST, 401: Code.FORBIDDEN, 403: Code.FORBIDDEN}
"""Of a refused introduction by its HTTP status; clients come again after the others."""


class Closed(Exception):
    """The connection ends; with a code if the server is the one who ends it."""

    def __init__(self, code: Code | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class WebSocketEndpoint:
    """ASGI application of ``/graphql`` for WebSockets."""

    def __init__(self, engine: Engine, stays: Stays, *, report: Callable[[BaseException], str]) -> None:
        self.engine = engine
        self.stays = stays
        self.report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire, peer = _Wire(receive, send), peer_of(scope.get("client"))
        try:
            with self.stays.waiting(peer) as room:
                given = await self._introduction(scope, wire, room=room)
                headers = _shown(Headers(scope=scope), given)
                caller = await self._admitted(headers, scope)
            with self._staying(caller, headers) as stay:
                await _Conversation(wire, caller, peer, self).run(stay)
        except Closed as end:
            await wire.close(end)

    async def _introduction(self, scope: Scope, wire: "_Wire", *, room: bool) -> _Message:
        """The payload of the first message. Raises Closed when there is none in time."""
        offered = PROTOCOL in scope["subprotocols"]
        await wire.accept(PROTOCOL if offered else None)
        if not offered:
            raise Closed(Code.SUBPROTOCOL, f"Speak {PROTOCOL}.")
        if not room:
            raise Closed(Code.TRY_AGAIN, "Too many connections; try again in a moment.")
        try:
            async with asyncio.timeout(self.stays.pace.introduction):
                return await _first(wire)
        except TimeoutError:
            raise Closed(Code.INIT_TIMEOUT, "Connection initialisation timeout") from None

    async def _admitted(self, headers: Headers, scope: Scope) -> Caller:
        try:
            caller = await self.stays.admission.caller(headers, scope.get("client"))
            await self.stays.admission.charge(caller.principal, 1)
        except Problem as refusal:
            raise _closed(refusal) from None
        except Exception as failure:
            raise _closed(told(failure, self.report)) from failure
        return caller

    @contextlib.contextmanager
    def _staying(self, caller: Caller, headers: Headers) -> Iterator[Stay]:
        with contextlib.ExitStack() as leaving:
            try:
                stay = leaving.enter_context(self.stays.staying(caller, credentials(headers)))
            except Problem as refusal:
                raise _closed(refusal) from None
            yield stay


class _Conversation:
    """One connection after its introduction."""

    def __init__(self, wire: "_Wire", caller: Caller, peer: str, server: "WebSocketEndpoint") -> None:
        self._wire = wire
        self._engine = server.engine
        self._admission = server.stays.admission
        self._pace = server.stays.pace
        self._report = server.report
        self._caller = caller
        self._peer = peer
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self, stay: Stay) -> None:
        """Until one side ends it. Raises Closed."""
        await self._wire.send({"type": "connection_ack"})
        parts: list[asyncio.Future[Any]] = [
            asyncio.create_task(self._read(), name="messages"),
            asyncio.create_task(self._show_life(), name="signs of life"),
        ]
        try:
            ended, _ = await asyncio.wait([*parts, stay.over], return_when=asyncio.FIRST_COMPLETED)
            if stay.over in ended:
                raise _ended(stay.over.result())
            for part in ended:
                part.result()  # they end by being closed
        finally:
            ending = [*parts, *self._running.values()]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)

    async def _read(self) -> None:
        while True:
            message = await self._wire.receive()
            match message.get("type"):
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    running = self._running.get(_id(message))
                    if running is not None:
                        running.cancel()
                        await asyncio.wait([running])  # or many that end would run beside those that begin
                case "ping":
                    await self._wire.send({"type": "pong"})
                case "pong":
                    pass
                case "connection_init":
                    raise Closed(Code.TOO_MANY_INITS, "Too many initialisation requests")
                case _:
                    raise Closed(Code.BAD_REQUEST, "The type of the message is not known.")

    async def _show_life(self) -> None:
        """Proxies between close what is silent, and a page cannot see the pings of the WebSocket itself."""
        while True:
            await asyncio.sleep(self._pace.sign_of_life)
            await self._wire.send({"type": "ping"})

    async def _subscribe(self, message: _Message) -> None:
        """If there is no room for it, the client is heard again once it has taken the answer."""
        name, payload = _id(message), message.get("payload")
        if not isinstance(payload, dict):
            raise Closed(Code.BAD_REQUEST, "The payload of a subscription is an object.")
        if name in self._running:
            raise Closed(Code.DUPLICATE, f"Subscriber for {name} already exists")
        if len(self._running) >= MOST_SUBSCRIPTIONS:
            refusal = await self._too_many()
            await self._wire.send({"id": name, "type": "error", "payload": refusal.body["errors"]})
            return
        task = asyncio.create_task(self._operate(name, payload), name="subscription")
        self._running[name] = task
        task.add_done_callback(lambda done: self._forget(name, done))

    async def _too_many(self) -> Problem:
        try:
            await self._admission.charge(self._caller.principal, 1 + COST_OF_REFUSAL)
        except Problem as refusal:
            return refusal
        message = f"A connection has at most {MOST_SUBSCRIPTIONS} subscriptions."
        return bad_request("TOO_MANY_SUBSCRIPTIONS", message)

    def _forget(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._running[name]
        if not task.cancelled():
            task.exception()  # the wire is gone; the reader sees that too

    async def _operate(self, name: str, payload: _Message) -> None:
        """One subscription from its first to its last answer."""
        try:
            started = await self._start(payload)
        except Problem as refusal:
            started = refusal
        except Exception as failure:  # noqa: BLE001  # as over HTTP: a number instead of a stack trace
            started = told(failure, self._report)
        if not isinstance(started, AsyncGenerator):
            await self._wire.send({"id": name, "type": "error", "payload": started.body["errors"]})
            return
        async with contextlib.aclosing(started):
            async for body in started:
                await self._wire.send({"id": name, "type": "next", "payload": body})
        await self._wire.send({"id": name, "type": "complete"})

    async def _start(self, payload: _Message) -> Any:
        """The bodies of the answers, or the answer that there are none. Raises Problem."""
        principal = self._caller.principal
        await self._admission.charge(principal, 1)
        async with self._admission.refusals_cost(principal):
            given = parameters.of_object(payload)
        prepared = self._engine.prepare(
            given.text,
            given.document_id,
            given.operation_name,
            given.variables,
            any_document=not self._caller.trusted_only,
            introspection=self._caller.introspection,
            read_only=False,
        )
        if prepared.refusal is not None:
            await self._admission.charge(principal, COST_OF_REFUSAL)
            return prepared.refusal
        if not prepared.live:
            await self._admission.charge(principal, COST_OF_REFUSAL)
            raise bad_request("SUBSCRIPTION_EXPECTED", "Queries and mutations go over HTTP.")
        await self._admission.charge(principal, prepared.cost)
        return await self._engine.subscribe(prepared, principal, self._peer)


class _Wire:
    """Messages as JSON objects over ASGI. Raises Closed when the client has left."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def accept(self, subprotocol: str | None) -> None:
        await self._receive()  # that it connects
        await self._put({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def receive(self) -> _Message:
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise Closed
        try:
            message = orjson.loads(event.get("text") or b"")
        except orjson.JSONDecodeError:
            raise Closed(Code.BAD_REQUEST, "A message is JSON in a text frame.") from None
        if not isinstance(message, dict):
            raise Closed(Code.BAD_REQUEST, "A message is a JSON object.")
        return message

    async def send(self, message: Mapping[str, Any]) -> None:
        await self._put({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    async def close(self, end: Closed) -> None:
        if end.code is not None:
            reason = end.reason.encode()[:_MAX_REASON].decode(errors="ignore")
            with contextlib.suppress(Closed):
                await self._put({"type": "websocket.close", "code": int(end.code), "reason": reason})

    async def _put(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except OSError:  # as ASGI has it
            raise Closed from None


async def _first(wire: _Wire) -> _Message:
    while True:
        message = await wire.receive()
        match message.get("type"):
            case "connection_init":
                payload = message.get("payload") or {}
                if not isinstance(payload, dict):
                    raise Closed(Code.BAD_REQUEST, "The payload of connection_init is an object.")
                return payload
            case "ping":
                await wire.send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                raise Closed(Code.UNAUTHORIZED, "Unauthorized")
            case _:
                raise Closed(Code.BAD_REQUEST, "The first message is connection_init.")


def _shown(headers: Headers, payload: _Message) -> Headers:
    """The headers of the handshake, with the credentials of the first message if it has any."""
    given = {str(name).lower().replace("-", ""): value for name, value in payload.items()}
    found = {"authorization": given.get("authorization"), KEY_HEADER.lower(): given.get("pointbookkey")}
    shown = {name: value for name, value in found.items() if value is not None}
    if not all(isinstance(value, str) and value.isascii() for value in shown.values()):
        raise Closed(Code.BAD_REQUEST, "Credentials are texts.")
    kept = {name: value for name, value in headers.items() if not shown or name not in found}
    return Headers({**kept, **shown})


def _id(message: _Message) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID:
        raise Closed(Code.BAD_REQUEST, f"An id is a text of at most {_MAX_ID} characters.")
    return name


def _closed(refusal: Problem) -> Closed:
    return Closed(_CODES.get(refusal.status, Code.TRY_AGAIN), f"{refusal.code}: {refusal}")


def _ended(end: End) -> Closed:
    if end is End.UNWELCOME:
        return Closed(Code.FORBIDDEN, "TOKEN_INVALID: the credentials are not good any more")
    return Closed(Code.GOING_AWAY, "The server stops.")
