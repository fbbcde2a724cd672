"""Faults in earnest: lost answers of PostgreSQL, and kill -9 of every part under load.

``python -m bench.faults [lost] [kills]``; ``--help`` tells how to make it smaller or larger.

Starts servers of its own on loopback. Each fault has its control: callers without idempotency keys, who must see
doubles. Prints what was found and fails unless it is 0 doubles and 0 losses with keys, and doubles without.
"""

import argparse
import asyncio
import contextlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import structlog

from pointbook import embedded, ledger
from pointbook.db import retry
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from tests.faults.installation import Part
from tests.faults.kills import kill_under_load
from tests.faults.lost_answers import Scenario, through_lossy_proxy
from tests.faults.market import open_market
from tests.faults.scenarios import Accruals, Adjustments, Holds, Orders, Redemptions, open_accounts

Opened = tuple[int, Scenario]


async def _accounts(db: Database, name: str, make: Callable[..., Scenario]) -> Opened:
    market = await open_market(db, _SECRET, name)
    return market.programme_id, make(await open_accounts(db, market.programme_id, datetime.now(UTC)))


async def _market(db: Database, name: str, make: Callable[..., Scenario]) -> Opened:
    market = await open_market(db, _SECRET, name)
    return market.programme_id, make(market, datetime.now(UTC))


async def _captures(db: Database, name: str) -> Opened:
    market = await open_market(db, _SECRET, name)
    return market.programme_id, Redemptions(market, datetime.now(UTC), captured=True)


_SECRET = "the secret of an installation under test"  # noqa: S105  # of servers that end with this process
_SCENARIOS: dict[str, Callable[[Database, str], Awaitable[Opened]]] = {
    "accrue (one statement)": lambda db, name: _accounts(db, name, Accruals),
    "hold (one statement)": lambda db, name: _accounts(db, name, Holds),
    "adjust (COMMIT)": lambda db, name: _accounts(db, name, Adjustments),
    "submit_order": lambda db, name: _market(db, name, Orders),
    "redeem": lambda db, name: _market(db, name, Redemptions),
    "redeem + capture": _captures,
}


async def lose_answers(options: argparse.Namespace) -> bool:
    """Every scenario with keys and, as the control, without."""
    sound = True
    with _folder() as folder:
        servers = await asyncio.to_thread(embedded.start, folder, with_valkey=False)
        try:
            await migrate(servers.urls.owner_database)
            for number, (title, opened) in enumerate(_SCENARIOS.items()):
                for fresh in (False, True):
                    name = f"lost-{number}-{'control' if fresh else 'keyed'}"
                    sound &= await _lose(servers.urls.database, title, opened, name, options, fresh=fresh)
        finally:
            await asyncio.to_thread(servers.stop)
    return sound


async def _lose(
    url: str,
    title: str,
    opened: Callable[[Database, str], Awaitable[Opened]],
    name: str,
    options: argparse.Namespace,
    *,
    fresh: bool,
) -> bool:
    db = await Database.connect(url, pool_size=2)
    try:
        programme_id, scenario = await opened(db, name)
        started = time.perf_counter()
        # The use cases would ask again by themselves, with the same key; the control must not.
        with mock.patch.object(retry, "MAX_TRIES", 1) if fresh else contextlib.nullcontext():
            outcome = await through_lossy_proxy(
                url, scenario, calls=options.calls, fresh_keys=fresh, swallow=options.swallow, cut=options.cut
            )
        seconds = time.perf_counter() - started
        async with db.pool.acquire() as connection:
            violations = len(await ledger.violations(connection, programme_id))
    finally:
        await db.close()
    print(
        f"  {title:<24}{'no keys' if fresh else 'keys':<8} {options.calls} calls, {seconds:5.1f} s,"
        f" swallowed {outcome.tally.swallowed}, cut {outcome.tally.cut}:"
        f" doubles {outcome.doubles}, losses {outcome.losses}, violations {violations}",
        flush=True,
    )
    return violations == outcome.losses == 0 and (outcome.doubles > 0) == fresh


async def kill_parts(options: argparse.Namespace) -> bool:
    """``--rounds`` times every part in turn; then the control, until its first double."""
    parts = [Part.API, Part.POSTGRESQL, Part.WORKER, Part.VALKEY]
    with _folder() as folder:
        keyed = await kill_under_load(
            folder, parts * options.rounds, shoppers=options.shoppers, seed=options.seed, tell=_tell
        )
    print(f"\n  keys:    {keyed}", flush=True)
    with _folder() as folder:
        control = await kill_under_load(
            folder, parts[:2] * 20, shoppers=options.shoppers, seed=options.seed, fresh_keys=True, tell=_tell
        )
    print(f"\n  no keys: {control}", flush=True)
    sound = keyed.books.doubles == keyed.lost == keyed.undelivered == 0 and not keyed.books.violations
    return sound and control.books.doubles > 0 and control.lost == 0


def _tell(part: Part, seconds: float) -> None:
    print(f"  {part.value} back after {seconds:.1f} s;", end="", flush=True)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Reachable by the unprivileged user that PostgreSQL runs as when this runs as root."""
    made = Path(tempfile.mkdtemp(prefix="pointbook-faults-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("what", nargs="*", choices=["lost", "kills", []], help="both without a name")
    parser.add_argument("--calls", type=int, default=2_000, help="of each kind, through the lossy proxy")
    parser.add_argument("--swallow", type=float, default=0.05, help="share of commits whose answer is lost")
    parser.add_argument("--cut", type=float, default=0.02, help="share of commits lost on the way there")
    parser.add_argument("--rounds", type=int, default=10, help="how often each part is killed")
    parser.add_argument("--shoppers", type=int, default=8, help="at the same time")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of killing")
    return parser.parse_args()


async def main() -> bool:
    options = _options()
    what = options.what or ["lost", "kills"]
    sound = True
    if "lost" in what:
        print(f"Lost answers: {options.swallow:.0%} swallowed, {options.cut:.0%} cut")
        sound &= await lose_answers(options)
    if "kills" in what:
        print(f"Kill -9 under load: {options.shoppers} shoppers, every part {options.rounds} times")
        sound &= await kill_parts(options)
    print("sound" if sound else "NOT sound")
    return sound


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # its pool tells of every connection that is killed
    sys.exit(not asyncio.run(main()))
