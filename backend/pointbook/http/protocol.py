"""uvicorn's protocols with deadlines: whoever does not finish a request, or take its answer, is gone.

uvicorn's own timeout covers only a silent pause between two requests, and ends it with a close that waits
until the answer is taken. A client that sends half of its headers, headers or trailers without end, or blank
lines between two requests, or that never reads, would be kept for ever.
"""

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REQUEST_SECONDS = 8.0
"""From the first byte (or the connection's start) to the last byte of the body."""
MAX_HEAD = 32_768
"""Bytes of request line and headers."""
MAX_FRAMING = 8_192
"""Bytes that come in a row, after the headers, without any body: chunk sizes, their extensions, trailers."""
MAX_DROPPED = 4_000_000
"""Bytes of a body that are read on after its answer: a browser that is cut off while it sends shows no answer."""
ANSWER_SECONDS = 20.0
"""From the end of an answer (or the moment it no longer fits the buffers) until the client has taken it."""
CLOSE_SECONDS = 5.0
"""From the end of a WebSocket until its last bytes are taken."""


class DeadlineProtocol(HttpToolsProtocol):
    """Ends connections whose request is not complete in time or too large, or whose answer is not taken."""

    _deadline: TimerHandle | None = None
    _answer_deadline: TimerHandle | None = None
    _handed_over = False
    _in_head = True
    _in_body = False
    _head_size = 0
    _framing_size = 0
    _has_brought = False  # whether the data at hand ended a head or held a part of a body
    _dropped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it the same way
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._stop_answer_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_brought = False
        super().data_received(data)
        if self._handed_over:
            return
        if self._in_head:
            self._head_size += len(data)
        elif self._in_body and not self._has_brought:
            self._framing_size += len(data)
        if self._head_size > MAX_HEAD or self._framing_size > MAX_FRAMING or self._dropped > MAX_DROPPED:
            self.transport.close()
        if self.transport.is_closing():
            self._start_answer_deadline()
        elif self._deadline is None and self._is_idle():
            self._start_deadline()  # uvicorn has stopped its own timer, though nothing may have begun

    def handle_websocket_upgrade(self) -> None:
        self._handed_over = True
        self._stop_deadline()
        self._stop_answer_deadline()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_size = self._dropped = 0
        self._start_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer, and nobody wants those
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = self._has_brought = True
        self._head_size = self._framing_size = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing_size = 0
        self._has_brought = True
        super().on_body(body)
        if self.cycle.response_complete:
            self._dropped += len(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._framing_size = 0
        self._stop_deadline()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._start_answer_deadline()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_answer_deadline()

    def _is_idle(self) -> bool:
        """Whether nothing is being received or answered; before the first request the first deadline runs."""
        return not self._in_body and self.cycle.response_complete and not self.pipeline

    def _start_deadline(self) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _start_answer_deadline(self) -> None:
        self._stop_answer_deadline()
        if self.transport.get_write_buffer_size() > 0:
            self._answer_deadline = self.loop.call_later(ANSWER_SECONDS, self._give_up_answer)

    def _stop_answer_deadline(self) -> None:
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None

    def _give_up_answer(self) -> None:
        if self.transport.get_write_buffer_size() > 0:
            if self.cycle is not None:
                self.cycle.disconnected = True  # its next part would be written to a closed transport
            self.transport.abort()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Ends WebSockets for good: uvicorn waits until all is sent, which it never is to whoever does not read."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._end_soon()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_soon()

    def shutdown(self) -> None:
        super().shutdown()
        self._end_soon()

    def _end_soon(self) -> None:
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
