"""A sending by hand over the year of real baskets, while its worker and PostgreSQL are killed at random.

The orders of ``examples/complete_journey`` are imported with a status that earns nothing, then all of them are
sent by one ``sendOrders`` over HTTP. The worker, and now and then PostgreSQL, is killed with SIGKILL at random
moments; whoever comes next goes on when the lease has run out (60 s). In the end every order has one result and
one accrual, the points are those of an import that earns, and the ledger is sound.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import uvloop

from bench.scene import utc_now
from examples.complete_journey import convert
from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.domain.access import ALL_RIGHTS
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation as Services
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.member_import import import_members
from pointbook.services.order_import import import_orders
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.store_import import import_stores
from tests.faults.installation import Installation, Part

SETTINGS = {"basePointsPerOrder": 1, "signUpPoints": 50, "qualifyingStatuses": ["SENT"]}
_SEND = """
mutation ($input: SendOrdersInput!) { sendOrders(input: $input) {
  ... on SendOrdersSuccess { sending { id state documentsTotal } } ... on UserError { code message }
} }
"""
_LOOK = """
query ($id: ID!) { orderSending(id: $id) { state documentsTotal documentsDone pointsEarned } }
"""


async def main(folder: Path, kills: int, seed: int) -> bool:
    async with Installation(folder / "servers") as installation:
        db = await Database.connect(installation.urls.database, patient=True)
        try:
            services = Services.of(db, installation.urls.secret)
            programme = await _imported(services, folder)
            key = await create_key(
                services, programme.id, NewKey(KeyKind.STAFF, "bench", rights=ALL_RIGHTS), now=utc_now()
            )
            begun = time.perf_counter()
            killed = await _send(installation, key.text, kills, random.Random(seed))  # noqa: S311  # when to kill
            print(f"sent in {time.perf_counter() - begun:.0f} s with {killed} kills", flush=True)
            return await _is_sound(db, programme)
        finally:
            await db.close()


async def _imported(services: Services, folder: Path) -> ProgrammeSnapshot:
    settings = ProgrammeSettings.from_document(SETTINGS, convert.CURRENCY)
    command = NewProgramme(
        "year", "Year", convert.CURRENCY, convert.TIME_ZONE, ("en",), settings, state=ProgrammeState.ACTIVE
    )
    programme = await create_programme(services, command, now=utc_now())
    await import_stores(services, programme.id, folder / "stores.jsonl", clock=utc_now)
    await import_members(services, programme.id, folder / "members.jsonl", clock=utc_now)
    report = await import_orders(services, programme.id, folder / "orders.jsonl", clock=utc_now)
    print(f"imported: {dict(report.counts.items())}", flush=True)
    assert report.counts.earned == 0, "nothing earns before it is sent"
    return programme


async def _send(installation: Installation, key: str, kills: int, moments: random.Random) -> int:
    """Send everything, kill as often, wait for the end; how often it was killed before that."""
    async with httpx.AsyncClient(base_url=installation.url, timeout=120) as client:

        async def ask(query: str, **variables: Any) -> Any:
            response = await client.post(
                "/graphql",
                headers={"Authorization": f"Bearer {key}"},
                json={"query": query, "variables": variables},
            )
            answer = response.json()
            if "errors" in answer:
                print(answer["errors"], flush=True)
            return answer.get("data")

        begun = time.perf_counter()
        started = await ask(_SEND, input={"idempotencyKey": "the year", "filter": {"types": ["SALE"]}})
        sending = started["sendOrders"]["sending"]
        print(f"{time.perf_counter() - begun:.1f} s to begin: {sending}", flush=True)
        aims = sorted(moments.randrange(sending["documentsTotal"]) for _ in range(kills))
        killed = 0
        while True:
            await asyncio.sleep(moments.uniform(0.2, 1))
            looked = await ask(_LOOK, id=sending["id"])
            found = None if looked is None else looked["orderSending"]
            if found is not None and found["state"] == "DONE":
                print(found, flush=True)
                return killed
            if found is not None and killed < kills and found["documentsDone"] >= aims[killed]:
                part = Part.POSTGRESQL if killed % 4 == 3 else Part.WORKER  # noqa: PLR2004  # every fourth
                killed += 1
                print(f"kill {killed}: {part.value} after {found['documentsDone']:,} documents", flush=True)
                await installation.kill(part)


async def _is_sound(db: Database, programme: ProgrammeSnapshot) -> bool:
    async def look() -> tuple[Any, ledger.Verification]:
        async with db.bare_transaction(programme.id) as connection:
            row = await connection.fetchrow(_FIGURES)
            return row, await ledger.verify(connection, programme.id)

    row, verification = await retrying(look)
    print(dict(row), f"violations: {len(verification.violations)}", flush=True)
    return (
        row["results"] == row["orders"] == row["earned"]
        and row["outcomes"] == ["EARNED"]
        and row["accruals"] == row["with_points"]
        and row["accrued"] == row["points"] == row["told"]
        and not verification.violations
    )


_FIGURES = """
select
    (select count(*) from sales_order) as orders,
    (select count(*) from sales_order where state = 'EARNED') as earned,
    (select count(*) from sales_order where points > 0) as with_points,
    (select sum(points) from sales_order) as points,
    (select count(*) from order_sending_document) as results,
    (select array_agg(distinct outcome) from order_sending_document) as outcomes,
    (select sum(points_earned) from order_sending) as told,
    (select count(*) from ledger.entry where kind = 'accrual' and source_type = 'order') as accruals,
    (
        select sum(t.points) from ledger.entry as e join ledger.transfer as t using (programme_id, account_id, seq)
        where e.kind = 'accrual' and e.source_type = 'order'
    ) as accrued
"""

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--households", type=int, help="only so many")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pointbook-sending-") as scratch:
        where = Path(scratch)
        where.chmod(0o755)  # as root the servers run as somebody else
        (where / "servers").mkdir()
        convert.write(where, convert.read_table(arguments.households), convert.read_groups())
        sys.exit(not uvloop.run(main(where, arguments.kills, arguments.seed)))
