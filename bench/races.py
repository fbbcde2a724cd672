"""Double spending in earnest: ``python -m bench.races URL [ATTEMPTS]`` on a migrated database of its own.

20,000 attempts on one account and as many on 200, from 16 connections, each to hold and capture 7 points of too
few. Prints what came of them and fails unless exactly the possible ones succeeded and the books are in order.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime

from tests.ledger.racing import arena, double_spend

_LOTS = (200, 150, 100, 33)  # of every account: 69 times 7 points


async def main(url: str, attempts: int) -> bool:
    exact = True
    async with arena(url, int(time.time()), datetime.now(UTC), connections=16) as scene:
        for accounts in (1, 200):
            lots = _LOTS if accounts > 1 else tuple(points * 10 for points in _LOTS)
            started = time.perf_counter()
            spent = await double_spend(scene, accounts=accounts, attempts=attempts, lots=lots, points=7)
            seconds = time.perf_counter() - started
            exact = exact and spent.exact() and spent.captured_points == 7 * spent.possible
            print(f"{accounts} account(s), {attempts} attempts, {seconds:.1f} s ({attempts / seconds:.0f}/s)")
            print(f"  possible {spent.possible}, outcomes {dict(spent.outcomes)}")
            print(f"  captured {spent.captured_points}, left {spent.left}, violations {spent.violations}")
    print("exact" if exact else "NOT exact")
    return exact


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)))  # noqa: PLR2004
