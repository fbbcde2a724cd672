"""How long the event loop stands still for each hostile request, from its bytes to its refusal.

Run it on a quiet machine: ``python -m bench.hostile``. No server is needed: nothing of it gets that far.
"""

import asyncio
import json
import time
from typing import Any, cast

import orjson

from pointbook.app import utc_now
from pointbook.domain.access import ALL_SCOPES, CallerKind, Principal
from pointbook.graphql.engine import Answer, Engine
from pointbook.graphql.schema import build_schema
from pointbook.graphql.trusted import shipped
from pointbook.http import parameters
from pointbook.http.problems import Problem
from tests.http.hostile import BODIES, documents

_ROUNDS = 5
_LIMIT_MS = 50


async def main() -> None:
    engine = Engine(build_schema(), shipped(), cast("Any", None), clock=utc_now)
    rows = [
        (case.name, json.dumps({"query": case.query, "variables": case.variables}).encode(), case.codes)
        for case in documents()
    ]
    rows += [(f"body: {name}", body, frozenset()) for name, body in BODIES.items()]
    slowest = 0.0
    print(f"{'request':<45} {'bytes':>7} {'wall ms':>8} {'CPU ms':>8}  refusal")
    for name, body, _ in rows:
        wall, cpu, codes = await _timed(engine, body)
        slowest = max(slowest, cpu)
        print(f"{name:<45} {len(body):>7} {wall:>8.2f} {cpu:>8.2f}  {codes}")
    print(f"{len(rows)} requests, slowest {slowest:.1f} ms CPU, limit {_LIMIT_MS} ms")


async def _timed(engine: Engine, body: bytes) -> tuple[float, float, str]:
    """The best of some rounds in milliseconds, and the codes of the refusal."""
    walls, cpus, codes = [], [], ""
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        codes = await _refusal(engine, body)
        cpus.append((time.process_time() - cpu) * 1000)
        walls.append((time.perf_counter() - wall) * 1000)
    return min(walls), min(cpus), codes


async def _refusal(engine: Engine, body: bytes) -> str:
    try:
        given = parameters.of_body(body)
    except Problem as problem:
        return problem.code
    prepared = engine.prepare(
        given.text,
        given.document_id,
        given.operation_name,
        given.variables,
        any_document=True,
        introspection=True,
        read_only=False,
    )
    answer = prepared.refusal or await engine.execute(prepared, _SERVER)
    assert isinstance(answer, Answer)
    orjson.dumps(answer.body)
    return ", ".join(sorted({error["extensions"]["code"] for error in answer.body["errors"]}))


_SERVER = Principal(CallerKind.SERVER, 1, "bench", ALL_SCOPES)

if __name__ == "__main__":
    asyncio.run(main())
