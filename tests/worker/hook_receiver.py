"""A receiver of webhooks of the tests' own, on the loopback address, that answers as a test wants."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """By code of its own, as the published manner says."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass
class HookReceiver:
    """``answers`` are given in turn, the last one for ever; it answers when ``open`` is set."""

    answers: list[bytes] = field(default_factory=lambda: [answer(204)])
    got: list[Got] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hooks?shop=1"

    async def count(self, number: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(15), self.came:
            await self.came.wait_for(lambda: len(self.got) >= number)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await reader.readexactly(int(headers["content-length"]))
            async with self.came:
                self.got.append(Got(head[0], headers, body))
                self.came.notify_all()
            await self.open.wait()
            writer.write(self.answers[0] if len(self.answers) == 1 else self.answers.pop(0))
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} As Told", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.asynccontextmanager
async def receiving(
    *answers: bytes, is_open: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HookReceiver]:
    receiver = HookReceiver(scheme="http" if tls is None else "https")
    receiver.answers = [*answers] or receiver.answers
    if is_open:
        receiver.open.set()
    listener = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=tls)
    receiver.port = listener.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.open.set()
        listener.close()
        await listener.wait_closed()
