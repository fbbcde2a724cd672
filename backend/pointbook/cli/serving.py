"""``pointbook serve``, ``worker``, ``demo``: processes that run until they are told to stop."""

import contextlib
import importlib
import socket
import threading
from collections.abc import Iterator
from typing import Annotated

import typer
import uvloop

from pointbook import embedded
from pointbook.cli import logs
from pointbook.cli.output import console
from pointbook.cli.running import CommandError, migrated, now, read_settings, ready
from pointbook.settings import Settings

_LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
_Host = Annotated[str | None, typer.Option(help="Address to listen on; POINTBOOK_HOST.")]
_Port = Annotated[int | None, typer.Option(help="Port to listen on, 0 for any; POINTBOOK_PORT.", min=0, max=65535)]


def serve(host: _Host = None, port: _Port = None, log_level: _LogLevel = "info") -> None:
    """Serve the API until SIGTERM or Ctrl-C. Any number of these processes may run side by side."""
    logs.configure(log_level)
    settings = _listening(read_settings(), host, port)
    with _bound(settings) as listener, ready(settings, watch=True) as found:
        from pointbook.cli import processes

        uvloop.run(processes.serve(found, listener))


def worker(log_level: _LogLevel = "info") -> None:
    """Deliver messages and book what is due until SIGTERM or Ctrl-C. Any number may run."""
    logs.configure(log_level)
    with ready(read_settings(), watch=True) as found:
        from pointbook.worker import run_until_signalled

        uvloop.run(run_until_signalled(found, clock=now))


def demo(host: _Host = None, port: _Port = None, log_level: _LogLevel = "warning") -> None:
    """Start everything with a demo programme: servers, API and worker in this one process."""
    logs.configure(log_level)
    settings = _listening(read_settings(), host, port)
    with _bound(settings) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        with contextlib.ExitStack() as running:
            with console.status("Starting PostgreSQL and Valkey ..."), _loading("pointbook.cli.processes"):
                found = running.enter_context(embedded.configured(settings, join=False, watch=True))
            migrated(settings, found)
            from pointbook.cli import processes

            uvloop.run(processes.demo(found, listener, configured=settings.database_url is not None))
            console.print("Stopping ...")
    console.print("Stopped. The data are kept; make demo goes on with them.")


@contextlib.contextmanager
def _loading(module: str) -> Iterator[None]:
    """Import a large module during the block, which waits for other processes and imports nothing itself."""
    thread = threading.Thread(target=importlib.import_module, args=[module])
    thread.start()
    try:
        yield
    finally:
        thread.join()


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
