"""What runs inside ``pointbook serve`` and ``demo``: the API's server, and the worker beside it."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from email.headerregistry import Address

import uvicorn
from pydantic import SecretStr
from starlette.routing import BaseRoute

from pointbook import demo as demo_data
from pointbook.app import Connections, create_app, opened
from pointbook.cli import demo_board
from pointbook.cli.running import installed, now
from pointbook.graphql.trusted import shipped
from pointbook.http.protocol import DeadlineProtocol, WebSocketProtocol
from pointbook.http.staying import MOST as MOST_STAYING
from pointbook.http.web_socket import MAX_MESSAGE
from pointbook.settings import Settings
from pointbook.worker import run_worker

_MOST_CONNECTIONS = 1000
"""Of one process, beside those that stay; a request beyond it is answered 503 before any work."""


async def serve(settings: Settings, listener: socket.socket) -> None:
    async with opened(settings) as connections:
        server = _Server(settings, connections)
        with _ending(server):
            await server.serve(sockets=[listener])


async def demo(settings: Settings, listener: socket.socket, *, configured: bool) -> None:
    """The demo programme, the API and the worker, until told to stop. The worker's failure ends all.

    ``configured``: the database is not one of our own servers. Without a mail server in the settings, mail goes to
    an inbox.
    """
    from pointbook.demo.site import DemoSite
    from pointbook.http.inbox import INBOX_PATH, catching

    async with contextlib.AsyncExitStack() as opening:
        inbox = None
        if settings.smtp_url is None:
            inbox, port = await opening.enter_async_context(catching())
            settings = _mailing_to(settings, port)
        installation = await opening.enter_async_context(installed(settings))
        connections = await opening.enter_async_context(opened(settings))
        shown = await demo_data.load(installation, settings.data_dir, configured=configured, now=now())
        site = DemoSite(
            connections.installation,
            demo_data.SHOPS,
            lambda shop: demo_data.open_shop(connections.installation, shop, settings.data_dir, now=now()),
            now,
            shipped(),
            settings.data_dir,
            None if inbox is None else INBOX_PATH,
        )
        server = _Server(
            settings,
            connections,
            when_up=lambda: demo_board.show(settings, shown, inbox=None if inbox is None else INBOX_PATH),
            further=[*site.routes, *(() if inbox is None else inbox.routes)],
        )
        with _ending(server):
            work = asyncio.create_task(run_worker(settings, installation, clock=now))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await asyncio.wait([work, serving], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            work.cancel()
            for ended in await asyncio.gather(work, serving, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended


def _mailing_to(settings: Settings, port: int) -> Settings:
    mailing = {
        "smtp_url": SecretStr(f"smtp://127.0.0.1:{port}"),
        "mail_from": Address(demo_data.NAME, addr_spec="punkte@morgenrot.example"),
        "public_url": demo_board.base_url(settings),
    }
    return settings.model_copy(update=mailing)


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and whose long-lived objects the garbage collector no longer visits."""

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        *,
        when_up: Callable[[], None] | None = None,
        further: Sequence[BaseRoute] = (),
    ) -> None:
        self._app = create_app(settings, clock=now, connections=connections, further=further)
        super().__init__(
            uvicorn.Config(
                self._app,
                http=DeadlineProtocol,
                ws=WebSocketProtocol,
                ws_max_size=MAX_MESSAGE,
                ws_per_message_deflate=False,  # messages are small, and a compressor for each client is not
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=5,
                limit_concurrency=_MOST_CONNECTIONS + MOST_STAYING,
                forwarded_allow_ips=settings.trusted_proxies,
            )
        )
        self._when_up = when_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        if self._when_up is not None:
            self._when_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stays.close()  # or the server would wait for those who stay
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """SIGTERM and Ctrl-C let running requests finish; a second Ctrl-C does not."""

    def end(number: signal.Signals) -> None:
        server.force_exit = server.should_exit and number is signal.SIGINT
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
