"""One webhook, posted: to public addresses only, without following anybody anywhere, within ten seconds.

A name is resolved once, all its addresses are looked at, and the connection goes to one of these, so that a name
that resolves differently a moment later leads nowhere. TLS and the header Host keep the name. Nothing of the
environment is used: no proxy, no credentials.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from socket import SOCK_STREAM, gaierror, getaddrinfo
from typing import Any, Final, TypeAlias

import httpcore
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from pointbook.db.queries.webhook_sendings import Outcome
from pointbook.domain.errors import InvalidInput
from pointbook.domain.webhook_targets import Target, checked_target, is_public

SECONDS: Final = 10.0
"""From the name to the last byte that is looked at."""
RESPONSE_KEPT: Final = 1_024
_LONGEST_ERROR: Final = 200
_TAKEN: Final = range(200, 300)

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError when there are none."""


class NotPublic(Exception):
    """The host has an address that is not everybody's."""


# The loop's own few threads would do until some names are slow: whoever gave up on one leaves its thread waiting.
_RESOLVING: Final = ThreadPoolExecutor(max_workers=100, thread_name_prefix="webhook names")


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says."""
    found = await asyncio.get_running_loop().run_in_executor(
        _RESOLVING, partial(getaddrinfo, host, port, type=SOCK_STREAM)
    )
    return [str(address[0]) for *_, address in found]


class Poster:
    """Posts webhooks. ``private_allowed``: also to private addresses and over http, for development and tests."""

    def __init__(
        self,
        *,
        private_allowed: bool = False,
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._private_allowed = private_allowed
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """What came of it. Whatever goes wrong is told, nothing is raised; a redirect is a failure."""
        try:
            target = checked_target("url", url, private_allowed=self._private_allowed)
            async with asyncio.timeout(self._seconds):
                return await self._exchange(target, headers, body)
        except TimeoutError:
            return _not_taken(f"no answer within {self._seconds:g} seconds")
        except (NotPublic, InvalidInput) as refusal:
            return _not_taken(str(refusal))
        except (gaierror, UnicodeError):  # no such name, or none that could be one
            return _not_taken("the host is not known")
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failure:
            return _not_taken(f"{type(failure).__name__}: {failure}")

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        addresses = await self._addresses(target)
        origin = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        given = [("Host", _authority(target)), ("Content-Length", str(len(body))), *headers.items()]
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._tls, max_connections=1, http2=False, network_backend=_Pinned(addresses)
            ) as pool,
            pool.stream("POST", origin, headers=given, content=body) as response,
        ):
            kept = await _beginning(response.aiter_stream())
        error = None if response.status in _TAKEN else f"answered {response.status}"
        return Outcome(response.status, error, kept)

    async def _addresses(self, target: Target) -> Sequence[str]:
        """All of the host. Raises NotPublic if one is not: names that mix them are made for that."""
        addresses = await self._resolve(target.host, target.port)
        if not addresses:
            raise OSError("the host has no address")
        if not (self._private_allowed or all(map(is_public, addresses))):
            raise NotPublic("the host is not at a public address")
        return addresses


class _Pinned(AsyncNetworkBackend):
    """Connects to one of these addresses, whatever the host is called."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = list(dict.fromkeys(addresses))
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # its addresses are known
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


async def _beginning(stream: Any) -> str:
    """The first bytes of a response, as a text that the database can keep."""
    kept = b""
    async for chunk in stream:
        kept += chunk[: RESPONSE_KEPT - len(kept)]
        if len(kept) >= RESPONSE_KEPT:
            break
    return kept.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _not_taken(error: str) -> Outcome:
    return Outcome(None, error[:_LONGEST_ERROR], None)
