"""The servers that Pointbook starts itself where none is configured: PostgreSQL and Valkey as children.

``start`` starts them for this process; they end with it, however it ends. Data are kept in the data directory.
Nothing listens on the network: the sockets lie in a folder that only their user enters.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from pointbook.embedded import postgres, valkey
from pointbook.embedded.children import Child
from pointbook.embedded.credentials import Secrets
from pointbook.embedded.errors import AlreadyRunning, EmbeddedError
from pointbook.embedded.place import Locks, Place, ours_alone, prepare, servers_run
from pointbook.embedded.programs import copy_postgres, copy_program, find_postgres, find_valkey
from pointbook.embedded.watch import Watch
from pointbook.settings import Settings

_OTHERS_START_SECONDS = 30.0

__all__ = ["AlreadyRunning", "EmbeddedError", "Servers", "Urls", "configured", "start", "urls_of"]


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the servers are. ``admin`` is the superuser's, ``redis`` is None where there is no Valkey."""

    database: str
    owner_database: str
    admin: str
    redis: str | None
    secret: str


class Servers:
    """Running servers and the one who has to stop them."""

    def __init__(self, urls: Urls, children: list[Child], locks: Locks) -> None:
        self.urls = urls
        self._children = children
        self._locks = locks

    @property
    def are_running(self) -> bool:
        return all(child.is_running for child in self._children)

    def watch(self) -> Watch:
        """From now on this process ends with its servers: when a keeper has died or given up."""
        return Watch(self._find_loss)

    def _find_loss(self) -> str | None:
        gone = next((child for child in self._children if not child.is_running), None)
        return None if gone is None else f"The server {gone.name} has ended for good; see {gone.log}."

    def stop(self) -> None:
        """Shut the servers down and wait until they are gone. May be called again."""
        if self._children:
            _stop(self._children)
            self._locks.give_back()
        self._children = []


def start(data_dir: Path, *, with_valkey: bool = True, durable: bool = True) -> Servers:
    """Start both servers and wait until they answer; the first start makes the cluster.

    ``durable=False`` is for tests: the data need not outlive a power cut.
    Raises AlreadyRunning, or EmbeddedError when no server program is found or one does not come up.
    """
    data_dir = data_dir.absolute()
    with ours_alone(data_dir):
        prepare(data_dir)
        locks = Locks(data_dir)
    children: list[Child] = []
    try:
        with ours_alone(data_dir):
            place = Place.make(data_dir)
            secrets = Secrets.make_or_read(data_dir, cluster=place.cluster)
        valkey_program = find_valkey() if with_valkey else None
        if valkey_program is not None:
            children.append(_start_valkey(place, valkey_program, secrets, locks))
        children.append(_start_postgres(place, secrets, locks, durable=durable))
        for child in children:
            child.wait_until_up()
    except BaseException:
        _stop(children)
        locks.give_back()
        raise
    return Servers(_urls(place, secrets, with_valkey=valkey_program is not None), children, locks)


def urls_of(data_dir: Path) -> Urls:
    """The URLs of servers that another process runs on this data directory. Raises EmbeddedError."""
    data_dir = data_dir.absolute()
    with ours_alone(data_dir):
        place = _ready_place(data_dir)
        secrets = Secrets.read(data_dir)
    return _urls(place, secrets, with_valkey=(place.sockets / "valkey.sock").exists())


def _ready_place(data_dir: Path) -> Place:
    """Of the process that runs the servers; it may have only begun. Raises EmbeddedError when it does not end."""
    deadline = time.monotonic() + _OTHERS_START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            place = Place.find(data_dir)
            if postgres.is_ready(place):
                return place
        time.sleep(0.05)
    raise EmbeddedError(f"The PostgreSQL of {data_dir} is not up.")


@contextlib.contextmanager
def configured(settings: Settings, *, join: bool = True, watch: bool = False) -> Iterator[Settings]:
    """Settings in which every URL and the secret stand: as configured, or of embedded servers for this block.

    With ``join``, servers that another process runs on the data directory are used; without it they are an
    error. With ``watch``, this process is sent SIGTERM when a server it works with is gone for good, whoever
    started it, and the block ends with an EmbeddedError. Raises EmbeddedError.
    """
    if settings.database_url is not None:
        if settings.secret is None:
            raise EmbeddedError(
                "POINTBOOK_DATABASE_URL is set and POINTBOOK_SECRET is not: voucher codes need it."
            )
        yield settings
        return
    try:
        servers = start(settings.data_dir, with_valkey=settings.redis_url is None)
    except AlreadyRunning:
        if not join:
            raise
        with _joined(settings.data_dir, watch=watch) as urls:
            yield _filled(settings, urls)
        return
    with _held(servers, watch=watch):
        yield _filled(settings, servers.urls)


@contextlib.contextmanager
def _joined(data_dir: Path, *, watch: bool) -> Iterator[Urls]:
    """Servers of another process, which end with it."""
    urls = urls_of(data_dir)
    watching = Watch(lambda: _find_loss_of_others(data_dir)) if watch else None
    try:
        yield urls
    finally:
        if watching is not None:
            watching.end()
            watching.judge()


def _find_loss_of_others(data_dir: Path) -> str | None:
    if servers_run(data_dir):
        return None
    return f"The servers of {data_dir} have ended with the process that started them."


@contextlib.contextmanager
def _held(servers: Servers, *, watch: bool) -> Iterator[None]:
    watching = servers.watch() if watch else None
    try:
        yield
    finally:
        if watching is not None:
            watching.end()
        servers.stop()
        if watching is not None:
            watching.judge()


def _filled(settings: Settings, urls: Urls) -> Settings:
    found = {
        "database_url": SecretStr(urls.database),
        "owner_database_url": SecretStr(urls.owner_database),
        "redis_url": settings.redis_url or (SecretStr(urls.redis) if urls.redis else None),
        "secret": settings.secret or SecretStr(urls.secret),
    }
    return settings.model_copy(update=found)


def _start_postgres(place: Place, secrets: Secrets, locks: Locks, *, durable: bool) -> Child:
    programs = find_postgres()
    if place.owner.uid is not None:
        programs = copy_postgres(programs, place.servers / "programs")
    postgres.make_cluster(place, programs, secrets, locks.servers, durable=durable)
    return Child(postgres.server(place, programs, durable=durable), place, locks.servers)


def _start_valkey(place: Place, program: Path, secrets: Secrets, locks: Locks) -> Child:
    if place.owner.uid is not None:
        program = copy_program(program, place.servers / "programs")
    return Child(valkey.server(place, program, secrets), place, locks.servers)


def _urls(place: Place, secrets: Secrets, *, with_valkey: bool) -> Urls:
    return Urls(
        database=postgres.url(place, "pointbook", secrets.app_password),
        owner_database=postgres.url(place, "pointbook_owner", secrets.owner_password),
        admin=postgres.url(place, "postgres", secrets.superuser_password, "postgres"),
        redis=valkey.url(place, secrets) if with_valkey else None,
        secret=secrets.secret,
    )


def _stop(children: list[Child]) -> None:
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.wait_until_gone()
