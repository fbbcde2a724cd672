"""The server on a real socket: whoever does not finish a request is sent away, and nobody else notices."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette

from pointbook.http import protocol
from pointbook.http.protocol import MAX_DROPPED, MAX_FRAMING, MAX_HEAD, DeadlineProtocol
from tests.http.fixtures import Shop

HEAD = b"POST /graphql HTTP/1.1\r\nHost: pointbook.test\r\nContent-Type: application/json\r\n"


@pytest_asyncio.fixture(scope="module")
async def port(app: Starlette) -> AsyncIterator[int]:
    """The application of the run, once more, behind uvicorn as it is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    options: dict[str, Any] = {"lifespan": "off", "log_config": None, "timeout_graceful_shutdown": 1}
    config = uvicorn.Config(app, http=DeadlineProtocol, **options)
    server = uvicorn.Server(config)
    with contextlib.suppress(asyncio.CancelledError):
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def _open(port: int, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    await writer.drain()
    return reader, writer


async def _ended(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


async def _answer(port: int, shop: Shop) -> bytes:
    body = b'{"query":"{ programme { name } }"}'
    key = f"Authorization: Bearer {shop.secret_key}\r\nConnection: close\r\n".encode()
    reader, writer = await _open(port, HEAD, key, b"Content-Length: %d\r\n\r\n" % len(body), body)
    answer = await reader.read()
    writer.close()
    return answer


async def test_300_half_sent_requests_are_gone_within_10_seconds(port: int, shop: Shop) -> None:
    key = f"Authorization: Bearer {shop.secret_key}\r\n".encode()
    halves = [
        (b"",),  # nothing at all
        (b"POST /gra",),
        (HEAD,),  # headers without an end
        (HEAD, key, b"Content-Length: 1000\r\n\r\n", b'{"query":'),  # half a body
        (HEAD, key, b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n{"),  # half a chunk
        (HEAD, b"Content-Length: 1000\r\n\r\n"),  # refused without its body, which never comes
    ]
    started = time.monotonic()
    open_ones = await asyncio.gather(*(_open(port, *halves[n % len(halves)]) for n in range(300)))
    assert b'"name":"A shop"' in await _answer(port, shop)  # the others are served meanwhile
    endings = await asyncio.gather(*(_ended(reader) for reader, _ in open_ones))
    assert time.monotonic() - started < 10
    assert sum(b"408 Request Timeout" in ending for ending in endings) == 100
    assert sum(b"401 Unauthorized" in ending for ending in endings) == 50
    assert not any(b" 500 " in ending for ending in endings)
    for _, writer in open_ones:
        writer.close()


async def test_headers_that_trickle_in_end_with_the_deadline(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.6)
    reader, writer = await _open(port, HEAD)

    async def trickle() -> None:
        with contextlib.suppress(ConnectionError):
            for n in range(100):
                writer.write(b"X-Slow-%d: x\r\n" % n)
                await writer.drain()
                await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    async with asyncio.timeout(3):
        await _ended(reader)
    trickling.cancel()
    writer.close()


async def test_a_body_that_trickles_after_its_refusal_ends_with_the_deadline(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.6)
    reader, writer = await _open(port, HEAD, b"Content-Length: 100000\r\n\r\n")

    async def trickle() -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    async with asyncio.timeout(3):
        assert b"401" in await _ended(reader)
    trickling.cancel()
    writer.close()


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_too_large_is_read_to_its_end_so_that_a_browser_sees_why_it_is_refused(
    port: int, shop: Shop, *, chunked: bool
) -> None:
    body = b" " * 143_000
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    begin, end = (b"%x\r\n" % len(body), b"\r\n0\r\n\r\n") if chunked else (b"", b"")
    key = f"Pointbook-Key: {shop.publishable_key}\r\n".encode()
    reader, writer = await _open(port, HEAD, key, framing, b"\r\n\r\n", begin, body[:110_000])
    refusal = await reader.readuntil(b"}")
    assert b" 413 " in refusal.partition(b"\r\n")[0]
    writer.write(body[110_000:] + end)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: pointbook.test\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 200 OK" in await reader.read()
    writer.close()


async def test_what_is_refused_is_not_read_without_end(port: int, shop: Shop) -> None:
    key = f"Pointbook-Key: {shop.publishable_key}\r\n".encode()
    reader, writer = await _open(port, HEAD, key, b"Content-Length: 1000000000\r\n\r\n")
    assert b" 413 " in await reader.readline()
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof() and sent < 10 * MAX_DROPPED:
            writer.write(b" " * 100_000)
            await writer.drain()
            sent += 100_000
            await asyncio.sleep(0)
    assert sent < 10 * MAX_DROPPED
    writer.close()


async def test_headers_have_a_size(port: int) -> None:
    reader, writer = await _open(port, HEAD, b"X-Large: " + b"x" * (MAX_HEAD + 70_000))
    async with asyncio.timeout(3):
        await _ended(reader)
    writer.close()


async def test_a_finished_request_has_no_deadline(port: int, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.3)
    body = b'{"query":"{ programme { name } }"}'
    key = f"Authorization: Bearer {shop.secret_key}\r\n".encode()
    request = b"".join([HEAD, key, b"Content-Length: %d\r\n\r\n" % len(body), body])
    reader, writer = await _open(port, request)
    assert b"200 OK" in await reader.readuntil(b"}}}")
    await asyncio.sleep(0.6)
    writer.write(request)  # the connection is kept for the next one
    assert b"200 OK" in await reader.readuntil(b"}}}")
    writer.close()


async def _served_once(port: int, shop: Shop) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that had its answer and is kept for the next request."""
    body = b'{"query":"{ programme { name } }"}'
    key = f"Authorization: Bearer {shop.secret_key}\r\n".encode()
    reader, writer = await _open(port, HEAD, key, b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert b"200 OK" in await reader.readuntil(b"}}}")
    return reader, writer


async def test_blank_lines_between_requests_do_not_keep_a_connection(
    port: int, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.6)
    reader, writer = await _served_once(port, shop)

    async def trickle() -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)

    trickling = asyncio.create_task(trickle())
    async with asyncio.timeout(3):
        await _ended(reader)
    trickling.cancel()
    writer.close()


async def test_a_request_may_follow_a_blank_line(port: int, shop: Shop) -> None:
    reader, writer = await _served_once(port, shop)
    writer.write(b"\r\n")
    await asyncio.sleep(0.1)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: pointbook.test\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in await _ended(reader)
    writer.close()


CHUNKED = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("part", [b"X-Trailer: " + b"x" * 1_000 + b"\r\n", b"x" * 1_000], ids=["many", "one"])
async def test_trailers_have_a_size(port: int, part: bytes) -> None:
    # refused for want of a key, but without a close: what follows is read on
    reader, writer = await _open(port, HEAD, CHUNKED.replace(b"Connection: close\r\n", b""), b"0\r\nX: ")

    async def endless() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)

    sending = asyncio.create_task(endless())
    async with asyncio.timeout(4):  # half of what the deadline gives
        await _ended(reader)
    sending.cancel()
    writer.close()


@pytest.mark.parametrize("first", [5_000, 9_000, 60_000])
async def test_a_large_body_that_comes_in_parts_is_served(port: int, shop: Shop, first: int) -> None:
    query = b'{"query":"{ programme { name } }","variables":{"a":"'
    body = query + b"x" * (90_000 - len(query) - 3) + b'"}}'
    head = f"Authorization: Bearer {shop.secret_key}\r\nX-Long: {'x' * 10_000}\r\n".encode()
    length = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    reader, writer = await _open(port, HEAD, head, length, body[:first])
    for start in range(first, len(body), 20_000):
        await asyncio.sleep(0.05)  # so that it is a part by itself
        writer.write(body[start : start + 20_000])
        await writer.drain()
    assert b'"name":"A shop"' in await reader.read()
    writer.close()


async def test_a_body_in_small_chunks_with_a_trailer_is_served(port: int, shop: Shop) -> None:
    body = b'{"query":"{ programme { name } }"' + b" " * (MAX_FRAMING // 2) + b"}"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert len(chunks) > 2 * MAX_FRAMING
    key = f"Authorization: Bearer {shop.secret_key}\r\n".encode()
    reader, writer = await _open(port, HEAD, key, CHUNKED)
    for start in range(0, len(chunks), 1_001):
        writer.write(chunks[start : start + 1_001])
        await asyncio.sleep(0)
    writer.write(b"0\r\nX-Checksum: 1\r\n\r\n")
    assert b"200 OK" in await _ended(reader)
    writer.close()


async def test_who_does_not_take_their_answers_is_gone(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.4)
    asked = 400
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)  # noqa: FBT003  # the standard library's own
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1_024)
    request = b"GET /schema.graphql HTTP/1.1\r\nHost: pointbook.test\r\n"
    writer.write((request + b"\r\n") * (asked - 1) + request + b"Connection: close\r\n\r\n")
    await asyncio.sleep(1.5)  # the reader's own buffer is small: it does not read on
    async with asyncio.timeout(10):
        taken = await _read_what_is_there(reader)
    assert 0 < taken.count(b"200 OK") < asked
    writer.close()


async def _read_what_is_there(reader: asyncio.StreamReader) -> bytes:
    taken = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            taken += part
    return taken


async def test_what_is_no_http_is_a_400(port: int) -> None:
    reader, writer = await _open(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert b"400 Bad Request" in await _ended(reader)
    writer.close()
