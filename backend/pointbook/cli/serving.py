"""``pointbook serve``, ``worker``, ``demo``: processes that run until they are told to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
import uvicorn
import uvloop

from pointbook import demo as demo_data
from pointbook.app import create_app
from pointbook.cli import demo_board, logs
from pointbook.cli.output import console
from pointbook.cli.running import CommandError, installed, now, read_settings, ready
from pointbook.settings import Settings
from pointbook.worker import run_until_signalled, run_worker

_LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
_Host = Annotated[str | None, typer.Option(help="Address to listen on; POINTBOOK_HOST.")]
_Port = Annotated[int | None, typer.Option(help="Port to listen on, 0 for any; POINTBOOK_PORT.", min=0, max=65535)]


def serve(host: _Host = None, port: _Port = None, log_level: _LogLevel = "info") -> None:
    """Serve the API until SIGTERM or Ctrl-C. Any number of these processes may run side by side."""
    logs.configure(log_level)
    settings = _listening(read_settings(), host, port)
    with _bound(settings) as listener, ready(settings) as found:
        uvloop.run(_serve(found, listener))


def worker(log_level: _LogLevel = "info") -> None:
    """Deliver messages and book what is due until SIGTERM or Ctrl-C. Any number may run."""
    logs.configure(log_level)
    with ready(read_settings()) as found:
        uvloop.run(run_until_signalled(found, clock=now))


def demo(host: _Host = None, port: _Port = None, log_level: _LogLevel = "warning") -> None:
    """Start everything with a demo programme: servers, API and worker in this one process."""
    logs.configure(log_level)
    settings = _listening(read_settings(), host, port)
    with _bound(settings) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        with console.status("Starting PostgreSQL and Valkey ..."), contextlib.ExitStack() as stack:
            found = stack.enter_context(ready(settings, join=False))
            running = stack.pop_all()
        with running:
            uvloop.run(_demo(found, listener))
            console.print("Stopping ...")
    console.print("Stopped. The data are kept; make demo goes on with them.")


async def _serve(settings: Settings, listener: socket.socket) -> None:
    server = _Server(settings)
    with _ending(server):
        await server.serve(sockets=[listener])


async def _demo(settings: Settings, listener: socket.socket) -> None:
    async with installed(settings) as installation:
        shown = await demo_data.load(installation, settings.data_dir, now=now())
        server = _Server(settings, when_up=lambda: demo_board.show(settings, shown))
        with _ending(server):
            work = asyncio.create_task(run_worker(settings, installation.db, clock=now))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await asyncio.wait([work, serving], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            work.cancel()
            for ended in await asyncio.gather(work, serving, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and whose long-lived objects the garbage collector no longer visits."""

    def __init__(self, settings: Settings, when_up: Callable[[], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(settings, clock=now),
                http="httptools",
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=5,
            )
        )
        self._when_up = when_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        if self._when_up is not None:
            self._when_up()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """SIGTERM and Ctrl-C let running requests finish; a second Ctrl-C does not."""

    def end() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _listening(settings: Settings, host: str | None, port: int | None) -> Settings:
    given = {"host": host, "port": port}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


@contextlib.contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """The listening socket, taken before anything is started. Raises CommandError when it is taken already."""
    family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise CommandError(
                f"{where} cannot be listened on ({error.strerror}); choose another --port."
            ) from error
        yield listener
