"""A lost answer costs nobody anything: 0 doubles, 0 losses (I8, R23); without keys there are doubles."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from pointbook import ledger
from pointbook.db import retry
from pointbook.db.session import Database
from pointbook.services.directory import SETTINGS_NOTICE
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from tests.faults.lost_answers import Scenario, through_lossy_proxy
from tests.faults.market import open_market
from tests.faults.scenarios import Accruals, Adjustments, Bookings, Holds, Orders, Redemptions, open_accounts
from tests.worker.messages import new_programme

CALLS = 150
SECRET = "the secret of an installation under test"

Opened = tuple[int, Scenario]


async def accruals(db: Database) -> Opened:
    programme_id = await new_programme(db)
    return programme_id, Accruals(await open_accounts(db, programme_id, datetime.now(UTC)))


async def holds(db: Database) -> Opened:
    programme_id = await new_programme(db)
    return programme_id, Holds(await open_accounts(db, programme_id, datetime.now(UTC)))


async def adjustments(db: Database) -> Opened:
    programme_id = await new_programme(db)
    return programme_id, Adjustments(await open_accounts(db, programme_id, datetime.now(UTC)))


async def orders(db: Database) -> Opened:
    market = await open_market(db, SECRET, "market")
    return market.programme_id, Orders(market, datetime.now(UTC))


async def bookings(db: Database) -> Opened:
    market, now = await open_market(db, SECRET, "market"), datetime.now(UTC)
    rule = {"kind": "SERVICE", "name": "cut", "points": 1, "targets": ["cut"]}
    await create_rule(Installation.of(db, SECRET), market.programme_id, rule, now=now - SETTINGS_NOTICE)
    return market.programme_id, Bookings(market, now)


async def redemptions(db: Database) -> Opened:
    market = await open_market(db, SECRET, "market")
    return market.programme_id, Redemptions(market, datetime.now(UTC))


async def captures(db: Database) -> Opened:
    market = await open_market(db, SECRET, "market")
    return market.programme_id, Redemptions(market, datetime.now(UTC), captured=True)


SCENARIOS = [accruals, holds, adjustments, orders, redemptions, captures]


# A booking is moved by a second report; without its id, one that never arrived would double the first.
@pytest.mark.parametrize("open_scenario", [*SCENARIOS, bookings])
async def test_a_lost_answer_is_asked_for_again_and_has_one_effect(
    db: Database, database_url: str, open_scenario: Callable[[Database], Awaitable[Opened]]
) -> None:
    programme_id, scenario = await open_scenario(db)
    outcome = await through_lossy_proxy(database_url, scenario, calls=CALLS, fresh_keys=False)
    assert outcome.tally.swallowed > 0
    assert outcome.tally.cut > 0
    assert (outcome.doubles, outcome.losses) == (0, 0)
    async with db.pool.acquire() as connection:
        assert await ledger.violations(connection, programme_id) == []


@pytest.mark.parametrize("open_scenario", SCENARIOS)
async def test_without_idempotency_a_lost_answer_doubles_its_effect(
    db: Database,
    database_url: str,
    open_scenario: Callable[[Database], Awaitable[Opened]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The control: a caller that makes up a new key for each try. The books still balance, but somebody pays.
    programme_id, scenario = await open_scenario(db)
    monkeypatch.setattr(retry, "MAX_TRIES", 1)  # the use cases would ask again by themselves, with the same key
    outcome = await through_lossy_proxy(database_url, scenario, calls=CALLS, fresh_keys=True)
    assert 0 < outcome.doubles <= outcome.tally.swallowed
    assert outcome.losses == 0
    async with db.pool.acquire() as connection:
        assert await ledger.violations(connection, programme_id) == []
