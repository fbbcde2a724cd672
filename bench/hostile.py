"""How long the event loop stands still for each hostile request, from its bytes to its refusal.

Run it on a quiet machine: ``python -m bench.hostile``. The request goes through the whole endpoint; only the
key's row does not come from a database, and nothing else of it gets that far. Exit status 1: a refusal took too
long, or was not the one that is expected.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import httpx

from pointbook.app import utc_now
from pointbook.domain.access import ALL_SCOPES, CallerKind, Principal
from pointbook.graphql.engine import Engine
from pointbook.graphql.schema import build_schema
from pointbook.graphql.trusted import shipped
from pointbook.http.admission import Admission
from pointbook.http.endpoint import GraphQLEndpoint
from pointbook.http.rate_limit import UNLIMITED, RateLimiter
from pointbook.http.staying import Stays
from pointbook.services.installation import Secrets
from pointbook.services.key_directory import ApiKeyRecord
from tests.http.hostile import BODIES, documents

_ROUNDS = 5
_LIMIT_MS = 50
_HEADERS = {"Authorization": "Bearer sk_bench", "Content-Type": "application/json"}


class _Keys:
    """Knows one key, the shop's server."""

    async def api_key(self, _digest: bytes) -> ApiKeyRecord:
        principal = Principal(CallerKind.SERVER, 1, "bench", ALL_SCOPES)
        return ApiKeyRecord(principal, (), any_document=True, expires_at=None)


class _Programmes:
    async def now(self, _programme_id: int, real: datetime) -> datetime:
        return real


class _Installation:
    keys = _Keys()
    programmes = _Programmes()
    secrets = Secrets(b"of the benchmark, nothing is kept under it")


@dataclass(frozen=True, slots=True)
class _Measured:
    """``cpu`` and ``wall`` of the best round in milliseconds; ``codes`` of the refusal, none for an answer."""

    cpu: float
    wall: float
    status: int
    codes: frozenset[str]


async def main() -> int:
    """Print a line a request; the exit status."""
    slowest, wrong = 0.0, 0
    print(f"{'request':<45} {'bytes':>7} {'wall ms':>8} {'CPU ms':>8}  refusal")
    transport = httpx.ASGITransport(app=_endpoint())
    async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.bench") as client:
        for name, body, expected in _requests():
            measured = await _measure(client, body)
            slowest = max(slowest, measured.cpu)
            right = _is_right(measured, expected)
            wrong += not right
            codes = ", ".join(sorted(measured.codes)) + ("" if right else f"  WRONG ({measured.status})")
            print(f"{name:<45} {len(body):>7} {measured.wall:>8.2f} {measured.cpu:>8.2f}  {codes}")
    print(f"slowest {slowest:.1f} ms CPU, limit {_LIMIT_MS} ms; {wrong} not refused as expected")
    return int(slowest > _LIMIT_MS or wrong > 0)


def _requests() -> list[tuple[str, bytes, frozenset[str]]]:
    """Name, body and the codes of which a refusal has some; for what is no request at all, any code."""
    rows = [
        (case.name, json.dumps({"query": case.query, "variables": case.variables}).encode(), case.codes)
        for case in documents()
    ]
    return rows + [(f"body: {name}", body, frozenset()) for name, body in BODIES.items()]


def _is_right(measured: _Measured, expected: frozenset[str]) -> bool:
    if not measured.codes:
        return False
    if not expected:
        return measured.status == httpx.codes.BAD_REQUEST
    return measured.status == httpx.codes.OK and measured.codes <= expected


async def _measure(client: httpx.AsyncClient, body: bytes) -> _Measured:
    rounds = []
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        response = await client.post("/graphql", content=body, headers=_HEADERS)
        cpu, wall = (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000
        codes = frozenset(error["extensions"]["code"] for error in response.json().get("errors", ()))
        rounds.append(_Measured(cpu, wall, response.status_code, codes))
    return min(rounds, key=lambda measured: measured.cpu)


def _endpoint() -> GraphQLEndpoint:
    installation = cast("Any", _Installation())
    engine = Engine(build_schema(), shipped(), installation, clock=utc_now)
    admission = Admission(installation, RateLimiter(None), UNLIMITED, clock=utc_now)
    return GraphQLEndpoint(engine, Stays(admission), report=_report_nothing_expected)


def _report_nothing_expected(defect: BaseException) -> str:
    raise defect


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
