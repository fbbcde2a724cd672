"""A proxy in front of PostgreSQL that loses answers: the statement was committed, its caller never hears of it.

It understands as much of the wire protocol as it takes to see which exchange commits: the text ``COMMIT``, or a
statement outside of any transaction. Such an exchange is either carried out and its answer swallowed, or cut
before it reaches the server; both look the same to the caller, whose connection breaks.
"""

import asyncio
import contextlib
import enum
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_ENDS_EXCHANGE = frozenset(b"QS")  # Query and Sync: the server answers with ReadyForQuery
_IDLE = ord("I")


class Fate(enum.Enum):
    """What becomes of an exchange that commits."""

    PASSED = enum.auto()
    SWALLOWED = enum.auto()  # carried out, the answer is lost
    CUT = enum.auto()  # lost on the way there


@dataclass(slots=True)
class Tally:
    """What the proxy did to exchanges that commit; ``refused`` ones were swallowed but had failed anyway."""

    commits: int = 0
    swallowed: int = 0
    refused: int = 0
    cut: int = 0


@dataclass(slots=True)
class _Link:
    """One connection: what the client has prepared and sent since the last ReadyForQuery."""

    statements: dict[bytes, str] = field(default_factory=dict)
    bound: str | None = None
    runs: str | None = None
    in_transaction: bool = False
    swallowing: bool = False


class LossyProxy:
    """``async with LossyProxy(url, swallow=0.05, cut=0.05) as proxy:`` and connect to ``proxy.url``.

    ``swallow`` and ``cut`` are shares of the commits, between 0 and 1, and may be changed at any time.
    ``is_write`` judges the text of a statement outside of a transaction: reads need not be lost.
    """

    def __init__(
        self,
        url: str,
        *,
        swallow: float,
        cut: float,
        seed: int,
        is_write: Callable[[str], bool] = lambda _text: True,
    ) -> None:
        self._upstream = urlsplit(url)
        self.swallow = swallow
        self.cut = cut
        self.tally = Tally()
        self._is_write = is_write
        self.answers = asyncio.Event()
        """Cleared, the server takes connections and statements and never answers, as one that was stopped."""
        self.answers.set()
        self._random = random.Random(seed)  # noqa: S311  # which answers are lost
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.answers.set()
        if self._links:  # most callers have gone, and their links see it now
            await asyncio.wait(self._links, timeout=1)
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None, "the proxy is not open"
        port = self._server.sockets[0].getsockname()[1]
        login, _, _ = self._upstream.netloc.rpartition("@")
        return urlunsplit(("postgresql", f"{login}@127.0.0.1:{port}", self._upstream.path, "", ""))

    async def _serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        task.add_done_callback(self._links.discard)
        server: asyncio.StreamWriter | None = None
        try:
            await self.answers.wait()
            startup = await _startup(client_reader, client)
            server_reader, server = await self._connect()
            server.write(startup)
            link = _Link()
            there = asyncio.create_task(self._to_server(link, client_reader, server))
            back = asyncio.create_task(self._to_client(link, server_reader, client))
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            for way in (there, back):
                way.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has gone, and so goes the other
        finally:
            for writer in (client, server):
                if writer is not None:
                    writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        options = parse_qs(self._upstream.query)
        if "host" in options:
            return await asyncio.open_unix_connection(f"{options['host'][0]}/.s.PGSQL.{options['port'][0]}")
        return await asyncio.open_connection(unquote(self._upstream.hostname or ""), self._upstream.port or 5432)

    async def _to_server(self, link: _Link, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        pending = bytearray()
        while True:
            kind, message = await _message(reader)
            await self.answers.wait()
            pending += message
            _note(link, kind, message)
            if kind not in _ENDS_EXCHANGE:
                if kind not in b"PBDEC":  # parts of an exchange wait for its end, so that it is cut as a whole
                    server.write(pending)
                    pending.clear()
                continue
            fate = self._fate(link)
            if fate is Fate.CUT:
                self.tally.cut += 1
                return
            link.swallowing = fate is Fate.SWALLOWED
            server.write(pending)
            pending.clear()
            await server.drain()

    def _fate(self, link: _Link) -> Fate:
        text, link.runs = link.runs, None
        if text is None or not self._commits(link, text):
            return Fate.PASSED
        self.tally.commits += 1
        dice = self._random.random()
        if dice < self.swallow:
            return Fate.SWALLOWED
        return Fate.CUT if dice < self.swallow + self.cut else Fate.PASSED

    def _commits(self, link: _Link, text: str) -> bool:
        if link.in_transaction:
            return text.lstrip().upper().startswith("COMMIT")
        return not text.lstrip().upper().startswith(("BEGIN", "SET")) and self._is_write(text)

    async def _to_client(self, link: _Link, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        failed = False
        while True:
            kind, message = await _message(reader)
            failed = failed or kind == ord("E")
            if kind == ord("Z"):
                if link.swallowing:
                    self.tally.refused += failed
                    self.tally.swallowed += not failed
                    return
                link.in_transaction = message[5] != _IDLE
                failed = False
            if not link.swallowing:
                client.write(message)
                await client.drain()


def _note(link: _Link, kind: int, message: bytes) -> None:
    """Remember which text the exchange under way will run."""
    body = message[5:]
    match chr(kind):
        case "P":
            name, text, _ = body.split(b"\0", 2)
            link.statements[name] = text.decode()
        case "B":
            _, name, _ = body.split(b"\0", 2)
            link.bound = link.statements.get(name)
        case "E":
            link.runs = link.bound
        case "Q":
            link.runs = body.rstrip(b"\0").decode()


async def _startup(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> bytes:
    """The client's first real message; offers to encrypt are declined."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        message = head + await reader.readexactly(length - 8)
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            return message
        client.write(b"N")
        with contextlib.suppress(ConnectionError):
            await client.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return head[0], head + await reader.readexactly(length - 4)
