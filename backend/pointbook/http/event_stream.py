"""Server-sent events: a subscription as an HTTP response that stays open.

The distinct connections mode of GraphQL over SSE: one subscription a request, its answers as ``next``, and
``complete`` behind the last. A stream that ends without ``complete`` broke off; the client asks anew.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from pointbook.http.media import EVENTS
from pointbook.http.problems import credentials_ended
from pointbook.http.staying import End, Pace, Stay

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Type": f"{EVENTS}; charset=utf-8",
    "Vary": "Accept, Authorization, Origin, Pointbook-Key",
    "X-Accel-Buffering": "no",  # nginx would collect events
    "X-Content-Type-Options": "nosniff",
}
_SIGN_OF_LIFE: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class EventStream:
    """The response: sends what ``bodies`` yields until they end, the client leaves or the ``stay`` is over.

    ``leaving`` is closed then, whatever happened.
    """

    def __init__(
        self,
        bodies: AsyncGenerator[dict[str, Any], None],
        stay: Stay,
        leaving: contextlib.ExitStack,
        pace: Pace,
        headers: Mapping[str, str],
    ) -> None:
        self._bodies = bodies
        self._stay = stay
        self._leaving = leaving
        self._pace = pace
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        with self._leaving:
            async with contextlib.aclosing(self._bodies):
                await self._start(send)
                leaving = asyncio.create_task(self._notice_leaving(receive), name="client")
                sending = asyncio.create_task(self._send_all(send), name="events")
                try:
                    either: list[asyncio.Future[Any]] = [sending, self._stay.over]
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    await _cancelled(leaving, sending)
            await self._finish(send, sending)

    async def _start(self, send: Send) -> None:
        headers = {**_HEADERS, **self._headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})

    async def _finish(self, send: Send, sending: "asyncio.Task[None]") -> None:
        end = self._stay.over.result() if self._stay.over.done() else None
        if end is End.UNWELCOME:
            await _part(send, _event(credentials_ended().body) + _COMPLETE)
        elif end is None and sending.exception() is not None:
            raise RuntimeError("a stream of events failed") from sending.exception()
        if end is not End.GONE:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        """Until the last answer. A client that does not read keeps only this waiting: nothing piles up."""
        async with contextlib.aclosing(_with_pauses(self._bodies, self._pace.sign_of_life)) as parts:
            async for body in parts:
                await _part(send, _SIGN_OF_LIFE if body is None else _event(body))
        await _part(send, _COMPLETE)

    async def _notice_leaving(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stay.end(End.GONE)


async def _with_pauses(
    bodies: AsyncGenerator[dict[str, Any], None], seconds: float
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """The bodies, and None whenever there was none for ``seconds``."""
    upcoming: asyncio.Future[dict[str, Any]] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(bodies))
            done, _ = await asyncio.wait([upcoming], timeout=seconds)
            if not done:
                yield None
                continue
            try:
                body = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield body
    finally:
        if upcoming is not None:
            await _cancelled(upcoming)


async def _cancelled(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _event(body: Mapping[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


async def _part(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
