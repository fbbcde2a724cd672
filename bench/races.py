"""Double spending in earnest: 20,000 attempts on one account, and as many on 200.

``python -m bench.races [--attempts N] [--connections N]``; starts a PostgreSQL of its own. Every attempt is to
hold 7 points of too few and to spend them at once. Prints what came of them and fails unless exactly the possible
ones succeeded and the books are in order.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pointbook import embedded
from pointbook.db.migrate import migrate
from tests.ledger.racing import Arena, arena, double_spend

_POINTS = 7
_LOTS = (200, 150, 100, 33)  # of each of many accounts: 69 times 7 points
_LOTS_OF_ONE = tuple(points * 10 for points in _LOTS)


async def races(urls: embedded.Urls, attempts: int, connections: int) -> bool:
    """Whether all of them came out exactly."""
    await migrate(urls.owner_database)
    exact = True
    for programme_id, (accounts, lots) in enumerate(((1, _LOTS_OF_ONE), (200, _LOTS)), 1):
        async with arena(urls.database, programme_id, datetime.now(UTC), connections) as scene:
            exact = await _race(scene, accounts, lots, attempts) and exact
    print("exact" if exact else "NOT exact")
    return exact


async def _race(scene: Arena, accounts: int, lots: tuple[int, ...], attempts: int) -> bool:
    started = time.perf_counter()
    spent = await double_spend(scene, accounts=accounts, attempts=attempts, lots=lots, points=_POINTS)
    seconds = time.perf_counter() - started
    print(f"{accounts} account(s): {attempts} attempts in {seconds:.1f} s, {attempts / seconds:.0f}/s")
    print(f"  possible {spent.possible}, outcomes {dict(spent.outcomes)}")
    print(
        f"  captured {spent.captured_points} points, left {spent.left}, violations {spent.violations}", flush=True
    )
    left = accounts * sum(lots) - spent.captured_points
    return spent.exact() and spent.captured_points == _POINTS * spent.possible and spent.left == left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--attempts", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=16)
    chosen = parser.parse_args()
    data_dir = Path(tempfile.mkdtemp(prefix="pointbook-races-"))
    data_dir.chmod(0o755)  # as root the servers run as somebody else
    servers = embedded.start(data_dir, with_valkey=False)
    try:
        return 0 if asyncio.run(races(servers.urls, chosen.attempts, chosen.connections)) else 1
    finally:
        servers.stop()
        shutil.rmtree(data_dir)


if __name__ == "__main__":
    sys.exit(main())
