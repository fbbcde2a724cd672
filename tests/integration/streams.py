"""Streams of a customer as the tests listen to them; nobody looks by themselves unless a test says so."""

from collections.abc import AsyncGenerator

import pytest

from pointbook.ledger import Balance
from pointbook.services import live, watches
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption import Voucher
from tests.live import Listener, RunningClock


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture(autouse=True)
def only_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by themselves, unless a test says so."""
    monkeypatch.setattr(watches, "LOOKS_SECONDS", 1_000.0)


def balances(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> AsyncGenerator[Balance | None, None]:
    return live.balances(installation, programme.id, "c-1", clock=clock)


def redemptions(
    installation: Installation, programme: ProgrammeSnapshot, voucher: Voucher, clock: RunningClock
) -> AsyncGenerator[Voucher, None]:
    return live.redemptions(installation, programme.id, "c-1", voucher.hold_id, clock=clock)


async def spendable(listener: Listener[Balance | None]) -> int:
    told = await listener.next()
    assert told is not None
    return told.spendable
