"""The application behind uvicorn as it is served, with a clock that runs, and clients of both transports."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from asgi_lifespan import LifespanManager
from starlette.applications import Starlette
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from pointbook.app import create_app
from pointbook.http.protocol import DeadlineProtocol, WebSocketProtocol
from pointbook.http.rate_limit import Rates
from pointbook.http.staying import Pace, Stays
from pointbook.http.web_socket import MAX_MESSAGE
from pointbook.services.installation import Installation
from pointbook.settings import Settings
from tests.http.fixtures import GENEROUS, Shop, make_shop
from tests.live import RunningClock, listening
from tests.support import NOW, SECRET

BALANCE = "subscription { balanceChanged { spendable pending held value { amount } } }"
REDEMPTION = """subscription($id: ID!) { redemptionChanged(redemptionId: $id) {
    __typename ... on Redemption { state expiresAt endedAt capturedPoints } ... on UserError { code } } }"""

Told = tuple[str, Any]
"""The name of an event and its data."""


@dataclass(frozen=True)
class Live:
    """A shop on a real socket."""

    shop: Shop
    app: Starlette
    clock: RunningClock
    port: int
    server_state: ServerState

    @property
    def installation(self) -> Installation:
        return self.shop.installation

    @property
    def stays(self) -> Stays:
        stays: Stays = self.app.state.stays
        return stays

    async def settled(self) -> None:
        """Until nothing is left of those who have gone."""
        async with asyncio.timeout(5):
            while self.stays.count:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)
        await self.settled_watches()

    async def settled_watches(self) -> None:
        async with asyncio.timeout(5):
            while self.installation.watches.count:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    async def credentials(self, customer: str = "c-1") -> dict[str, str]:
        """The shop's server acts for its customer, so that any document is run."""
        return await self.shop.customer_headers(customer, key=self.shop.secret_key)

    @contextlib.asynccontextmanager
    async def events(
        self, query: str = BALANCE, headers: Mapping[str, str] | None = None, **variables: Any
    ) -> AsyncIterator[Any]:
        """A listener to (event, data) of a subscription over SSE; a comment is ("", text)."""
        stream = self._events({"query": query, "variables": variables}, headers)
        async with listening(stream) as listener:
            yield listener

    async def _events(self, body: object, headers: Mapping[str, str] | None) -> AsyncGenerator[Told, None]:
        given = headers or await self.credentials()
        url = f"http://127.0.0.1:{self.port}/graphql"
        async with httpx.AsyncClient(timeout=30) as client:
            accept = {"Accept": "text/event-stream", **given}
            async with client.stream("POST", url, json=body, headers=accept) as response:
                assert response.status_code == 200, await response.aread()
                assert response.headers["content-type"].startswith("text/event-stream")
                lines: list[str] = []
                async for line in response.aiter_lines():
                    if line:
                        lines.append(line)
                        continue
                    yield _event(lines)
                    lines = []

    @contextlib.asynccontextmanager
    async def socket(
        self,
        payload: Mapping[str, str] | None = None,
        *,
        origin: str | None = None,
        introduced: bool = True,
        peer: str | None = None,
    ) -> AsyncIterator["Client"]:
        """A WebSocket; ``introduced``: its connection_init was taken; ``peer``: the address a proxy tells."""
        async with connect(
            f"ws://127.0.0.1:{self.port}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            origin=None if origin is None else Origin(origin),
            additional_headers=None if peer is None else {"X-Forwarded-For": peer},
            proxy=None,
            close_timeout=1,
        ) as connection:
            client = Client(connection)
            if introduced:
                await client.send(type="connection_init", payload=payload or await self.credentials())
                assert await client.next() == {"type": "connection_ack"}
            yield client


@dataclass(frozen=True)
class Client:
    """One end of graphql-transport-ws."""

    connection: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def subscribe(self, query: str = BALANCE, *, name: str = "1", **variables: Any) -> None:
        await self.send(id=name, type="subscribe", payload={"query": query, "variables": variables})

    async def next(self, seconds: float = 10) -> Any:
        async with asyncio.timeout(seconds):
            return json.loads(await self.connection.recv())

    async def told(self, name: str = "1") -> Any:
        """The data of the next message of a subscription."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("next", name), message
        return message["payload"]["data"]

    async def closed(self, seconds: float = 10) -> int:
        """The code with which the server closes, whatever it says before."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(seconds):
                while True:
                    await self.connection.recv()
        code = self.connection.close_code
        assert code is not None
        return code


def _event(lines: list[str]) -> Told:
    fields = dict(line.split(": ", 1) if ": " in line else line.split(":", 1) for line in lines)
    data = fields.get("data")
    return fields.get("event", ""), json.loads(data) if data else None


@contextlib.asynccontextmanager
async def serving(
    database_url: str,
    redis_url: str | None,
    *,
    pace: Pace | None = None,
    rates: Rates | None = None,
) -> AsyncIterator["Served"]:
    clock = RunningClock()
    settings = Settings.model_validate({"database_url": database_url, "secret": SECRET, "redis_url": redis_url})
    app = create_app(settings, clock=clock, rates=rates or Rates(GENEROUS, GENEROUS, GENEROUS), pace=pace)
    async with LifespanManager(app), _served(app) as (port, state):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
            yield Served(app, client, clock, port, state)


@dataclass(frozen=True)
class Served:
    """An application on a socket, for shop after shop."""

    app: Starlette
    client: httpx.AsyncClient
    clock: RunningClock
    port: int
    server_state: ServerState

    async def open(self) -> Live:
        """A shop; its page is https://shop.example. 100 points for joining."""
        self.clock.jump(NOW)
        origins = ("https://shop.example",)
        shop = await make_shop(self.app, self.client, self.clock, {"signUpPoints": 100}, origins=origins)
        return Live(shop, self.app, self.clock, self.port, self.server_state)


@contextlib.asynccontextmanager
async def _served(app: Starlette) -> AsyncIterator[tuple[int, ServerState]]:
    listener = socket.create_server(("127.0.0.1", 0))
    options: dict[str, Any] = {"lifespan": "off", "log_config": None, "timeout_graceful_shutdown": 1}
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws=WebSocketProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        **options,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1], server.server_state
    finally:
        app.state.stays.close()
        server.should_exit = True
        await serving
