"""Plays a told history through the ledger's functions and compares every answer with the model's."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import asyncpg

from pointbook import ledger
from tests.ledger.agreeing import agree
from tests.ledger.histories import START, TICK
from tests.ledger.model_words import Entry
from tests.ledger.player import Player
from tests.ledger.telling import Teller, Told

# A new one each time: the dead rows of what was rolled back would be walked again and again.
_programme_ids = itertools.count(7_000_000)
_LATER = timedelta(days=400)  # after everything that a history can leave to be done


class CatchUp(StrEnum):
    """When the books are brought to now besides what every write does by itself (I9)."""

    NEVER = "never"
    AT_RANDOM = "at random"
    EVERY_TICK = "on every tick"


async def compare(connections: Sequence[asyncpg.Connection], teller: Teller, history: Sequence[Told]) -> None:
    """The three ways to run the clock against the one model, so also against each other. Raises Disagreement.

    Each plays on a connection, in a programme and on an account of its own; all is rolled back. When the callers'
    clocks differ, the entries do depend on who comes first: then only one way is played.
    """
    instants = [told.call.now for told in history]
    ways = zip(connections, CatchUp if instants == sorted(instants) else [CatchUp.NEVER], strict=False)
    played = [_play(connection, teller, history, catch_up) for connection, catch_up in ways]
    for answer in await asyncio.gather(*played, return_exceptions=True):
        if answer is not None:
            raise answer


async def _play(
    connection: asyncpg.Connection, teller: Teller, history: Sequence[Told], catch_up: CatchUp
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        programme_id = next(_programme_ids)
        await ledger.open_programme(connection, programme_id, sandbox=True)
        account_id = await ledger.open_account(connection, programme_id, UUID(int=1), now=START)
        player = Player(connection, programme_id, account_id)
        await _steps(player, history, catch_up)
        await _conclude(player, teller, history[-1].call.now, catch_up)
    finally:
        await transaction.rollback()


async def _steps(player: Player, history: Sequence[Told], catch_up: CatchUp) -> None:
    ticked = START
    for told in history:
        call = told.call
        while catch_up is CatchUp.EVERY_TICK and ticked < call.now:
            ticked = min(ticked + TICK, call.now)
            await player.catch_up(ticked)
        if catch_up is CatchUp.AT_RANDOM and told.book:
            await player.catch_up(call.now)
        agree(f"{catch_up}: answer to {call}", told.outcome, await player.outcome(call))
        # The figures cost more than the steps: all of them once, some of them in the other ways to run the clock.
        if catch_up is CatchUp.NEVER or call.number % 5 == 0:
            agree(f"{catch_up}: page after {call}", told.page, await player.page(call.now))
            looked = await player.balance(told.look, call.now)
            agree(f"{catch_up}: balance at {told.look} after {call}", told.looked, looked)


async def _conclude(player: Player, teller: Teller, now: datetime, catch_up: CatchUp) -> None:
    """What the single reads say, then the books after the last instant, number by number."""
    agree(f"{catch_up}: all holds", teller.page(now).holds, await player.holds(now))
    agree(f"{catch_up}: all history", teller.lines(now), await player.lines(now))
    agree(f"{catch_up}: expiring", teller.page(now).expiring, await player.expiring(now))
    await player.catch_up(now + _LATER)
    later = teller.account.at(now + _LATER)
    for told, found in zip(later.entries, await player.entries(), strict=False):
        agree(f"{catch_up}: entry {told.seq}", told, found)
    agree(f"{catch_up}: number of entries", len(later.entries), len(await player.entries()))
    for instant in _instants(later.entries):
        agree(
            f"{catch_up}: balance at {instant}",
            later.balance(instant),
            await player.balance(instant, now + _LATER),
        )
    agree(f"{catch_up}: violations", [], await ledger.violations(player.connection, player.programme_id))


def _instants(entries: Sequence[Entry]) -> list[datetime]:
    """Some instants at which something happened, and just before."""
    instants = sorted({entry.at for entry in entries})
    chosen = random.Random(len(entries)).sample(instants, min(3, len(instants)))  # noqa: S311  # no secret
    return [instant for at in chosen for instant in (at - timedelta(microseconds=1), at)]
