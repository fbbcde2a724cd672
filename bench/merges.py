"""Merges in both directions at once, and requests for addresses that somebody has and that nobody has.

``python -m bench.merges [--rounds N] [--probes N]``; starts a PostgreSQL of its own. In every round two accounts
are each merged into the other at the same time, while points are taken of both: one merge has to win, no call may
fail otherwise (a deadlock too), no point may be lost, and the books must be in order. Then as many requests for
known as for unknown addresses go through the whole application, taking turns; printed are medians of both and the
Mann-Whitney test: how likely a difference like this is if there is none. It fails if the answers differ in
anything but ids, or if that chance is below one in a thousand.
"""

import argparse
import asyncio
import math
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx

from pointbook import embedded
from pointbook.app import create_app
from pointbook.db.migrate import migrate
from pointbook.http.rate_limit import UNLIMITED
from pointbook.services.joining import Join, join
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.tokens import create_customer_token
from pointbook.settings import Settings
from tests.ledger.racing import arena, race, tally
from tests.support import SECRET, make_programme

_CONNECTIONS = 8
_LEAST_LIKELY = 0.001
_REQUEST = """
mutation ($input: RequestMergeInput!) {
  requestMerge(input: $input) { __typename ... on RequestMergeSuccess { request { id state } } }
}
"""


async def both_ways(urls: embedded.Urls, rounds: int) -> bool:
    outcomes, lost, started = Counter[str](), 0, time.perf_counter()
    async with arena(urls.database, 1, datetime.now(UTC), _CONNECTIONS) as scene:
        for _ in range(rounds):
            one, other = await scene.account(100), await scene.account(40)
            answers = await race(
                scene.pool,
                [
                    partial(scene.merge, target=one, source=other),
                    partial(scene.merge, target=other, source=one),
                    *[partial(scene.adjust, account_id=account, points=-1) for account in (one, other)] * 3,
                ],
            )
            outcomes += tally(answers)
            balance = await scene.balance(one)
            lost += 134 - balance.available
        violations = len(await scene.violations())
    seconds = time.perf_counter() - started
    print(f"{rounds} pairs, merged both ways at once with 6 adjustments, in {seconds:.1f} s")
    print(f"  outcomes {dict(outcomes)}, points lost {lost}, violations {violations}", flush=True)
    exact = outcomes == {"ok": 7 * rounds, "MembersNotMergeable": rounds}
    return exact and lost == 0 and violations == 0


async def probes(urls: embedded.Urls, count: int) -> bool:
    settings = Settings.model_validate({"database_url": urls.database, "secret": SECRET})
    app = create_app(settings, rates=UNLIMITED)
    async with app.router.lifespan_context(app):
        installation, now = app.state.installation, datetime.now(UTC)
        programme = await make_programme(installation, sandbox=False, now=now)
        key = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=now)
        for number in range(count):
            await join(installation, programme.id, Join(f"asks-{number}"), tells=False, now=datetime.now(UTC))
            known = Join(f"known-{number}", email=f"known-{number}@shop.example")
            await join(installation, programme.id, known, tells=False, now=datetime.now(UTC))
        transport = httpx.ASGITransport(app)
        taken: dict[str, list[float]] = {"known": [], "blank": []}
        bodies: set[str] = set()
        async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
            for number in range(count):
                customer = f"asks-{number}"
                made = await create_customer_token(installation, programme.id, customer, now=datetime.now(UTC))
                headers = {"Authorization": f"Bearer {made.token}", "Pointbook-Key": key.text}
                # Who comes first takes turns, so that neither is always the one that warms the connection.
                for kind in ("known", "blank") if number % 2 else ("blank", "known"):
                    email = f"{kind}-{number}@shop.example"
                    variables = {"input": {"email": email, "idempotencyKey": uuid4().hex}}
                    began = time.perf_counter()
                    response = await client.post(
                        "/graphql", headers=headers, json={"query": _REQUEST, "variables": variables}
                    )
                    taken[kind].append(time.perf_counter() - began)
                    bodies.add(re.sub(r"[0-9a-f]{32}|(known|blank)-\d+", "-", response.text))
    likely = mann_whitney(taken["known"], taken["blank"])
    medians = {kind: statistics.median(times) * 1_000 for kind, times in taken.items()}
    print(f"{count} requests each for known and unknown addresses")
    print(
        f"  medians {medians['known']:.3f} and {medians['blank']:.3f} ms; Mann-Whitney p = {likely:.3f};"
        f" {len(bodies)} different bodies but for ids and addresses",
        flush=True,
    )
    return len(bodies) == 1 and likely > _LEAST_LIKELY


def mann_whitney(one: list[float], other: list[float]) -> float:
    """Two-sided p of the rank sum, by the normal approximation; times have next to no ties."""
    ranks = {place: rank for rank, (_, place) in enumerate(sorted((t, i) for i, t in enumerate(one + other)), 1)}
    u = sum(ranks[place] for place in range(len(one))) - len(one) * (len(one) + 1) / 2
    mean = len(one) * len(other) / 2
    spread = math.sqrt(mean * (len(one) + len(other) + 1) / 6)
    return math.erfc(abs(u - mean) / spread / math.sqrt(2))


async def run(urls: embedded.Urls, rounds: int, count: int) -> bool:
    await migrate(urls.owner_database)
    exact = await both_ways(urls, rounds)
    alike = await probes(urls, count)
    print("exact, and nothing told" if exact and alike else "NOT as it should be")
    return exact and alike


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--probes", type=int, default=2_000)
    chosen = parser.parse_args()
    data_dir = Path(tempfile.mkdtemp(prefix="pointbook-merges-"))
    data_dir.chmod(0o755)  # as root the servers run as somebody else
    servers = embedded.start(data_dir, with_valkey=False)
    try:
        return 0 if asyncio.run(run(servers.urls, chosen.rounds, chosen.probes)) else 1
    finally:
        servers.stop()
        shutil.rmtree(data_dir)


if __name__ == "__main__":
    sys.exit(main())
