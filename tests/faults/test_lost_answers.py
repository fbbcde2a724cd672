"""A lost answer costs nobody anything: 0 doubles, 0 losses (I8, R23); without keys there are doubles."""

from datetime import UTC, datetime

import pytest

from pointbook import ledger
from pointbook.db.session import Database
from tests.faults.lost_answers import Call, accrue, adjust, open_shop, redeem, through_lossy_proxy
from tests.worker.messages import new_programme

CALLS = 150


@pytest.mark.parametrize("call", [accrue, redeem, adjust])
async def test_a_lost_answer_is_asked_for_again_and_has_one_effect(
    db: Database, database_url: str, call: Call
) -> None:
    shop = await open_shop(db, await new_programme(db), datetime.now(UTC))
    outcome = await through_lossy_proxy(database_url, shop, call, calls=CALLS, fresh_keys=False)
    assert outcome.tally.swallowed > 0
    assert outcome.tally.cut > 0
    assert (outcome.doubles, outcome.losses) == (0, 0)
    async with db.pool.acquire() as connection:
        assert await ledger.violations(connection, shop.programme_id) == []


@pytest.mark.parametrize("call", [accrue, redeem, adjust])
async def test_without_idempotency_a_lost_answer_doubles_its_effect(
    db: Database, database_url: str, call: Call
) -> None:
    # The control: a caller that makes up a new key for each try. The books still balance, but the customer pays.
    shop = await open_shop(db, await new_programme(db), datetime.now(UTC))
    outcome = await through_lossy_proxy(database_url, shop, call, calls=CALLS, fresh_keys=True)
    assert outcome.doubles == outcome.tally.swallowed > 0
    assert outcome.losses == 0
    async with db.pool.acquire() as connection:
        assert await ledger.violations(connection, shop.programme_id) == []
