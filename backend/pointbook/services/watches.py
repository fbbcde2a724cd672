"""Who watches which account in this process, and how they hear that it has moved.

Three ways lead here: writes of this process tell at once; those of others by hints (``db/hints.py``); and all
watched accounts are looked at together every few seconds, so that nothing depends on either. Nobody is told what
has changed: whoever is woken reads.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias

import structlog

from pointbook import ledger
from pointbook.db.hints import Hints
from pointbook.db.moves import EVERY_ACCOUNT, Account
from pointbook.db.retry import is_transient, retrying
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot

LOOKS_SECONDS: Final = 1.0
"""Between two looks at all watched accounts while no hints come from others."""
LOOKS_SECONDS_BESIDE_HINTS: Final = 10.0
SLICE_SECONDS: Final = 60.0
"""The clock is asked again after this: it may have been set, or the machine have slept."""

_log = structlog.get_logger(__name__)


Mark: TypeAlias = tuple[int, timedelta]


def mark_of(programme: ProgrammeSnapshot) -> Mark:
    """Another one when a programme has other settings, or its clock was moved."""
    return programme.versions[-1].version, programme.clock_ahead


class Watch:
    """One watcher's view of one account.

    ``seen``: the number of its newest entry and the mark of its programme, as they were read last.
    """

    __slots__ = ("_woken", "account", "seen")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.seen: tuple[int, Mark] | None = None
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    def begin(self) -> None:
        """Before reading: what moves from now on ends the next wait."""
        self._woken.clear()

    async def wait(self, seconds: float) -> bool:
        """Until woken, at most ``seconds``. Whether it was woken."""
        try:
            async with asyncio.timeout(min(max(seconds, 0.0), SLICE_SECONDS)):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class Watches:
    """All watches of one process. Belongs to one event loop; without any it runs nothing."""

    def __init__(self, db: Database, programmes: ProgrammeDirectory) -> None:
        self._db = db
        self._programmes = programmes
        self._watches: dict[int, dict[int, set[Watch]]] = {}
        self._hints: Hints | None = None
        self._hinted = False
        self._look_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        db.on_moved = self._moved

    @property
    def count(self) -> int:
        return sum(len(watches) for accounts in self._watches.values() for watches in accounts.values())

    @contextlib.asynccontextmanager
    async def sharing(self, hints: Hints | None) -> AsyncIterator[None]:
        """Inside, other processes hear of what this one moves, and it hears of them while something is watched."""
        self._hints = hints
        try:
            yield
        finally:
            self._hints = None
            await self._stop()
            if hints is not None:
                await hints.close()

    @contextlib.contextmanager
    def watch(self, programme_id: int, account_id: int) -> Iterator[Watch]:
        watch = Watch((programme_id, account_id))
        self._add(watch)
        if not self._tasks:
            self._start()
        try:
            yield watch
        finally:
            self._remove(watch)
            if not self._watches:
                for task in self._tasks:
                    task.cancel()
                self._tasks.clear()

    def follow(self, watch: Watch, account_id: int) -> None:
        """Watch the account that stands for the one that was watched: it was merged into it."""
        if watch.account[1] != account_id:
            self._remove(watch)
            watch.account = (watch.account[0], account_id)
            self._add(watch)

    def _add(self, watch: Watch) -> None:
        programme_id, account_id = watch.account
        self._watches.setdefault(programme_id, {}).setdefault(account_id, set()).add(watch)

    def _remove(self, watch: Watch) -> None:
        programme_id, account_id = watch.account
        accounts = self._watches[programme_id]
        accounts[account_id].discard(watch)
        if not accounts[account_id]:
            del accounts[account_id]
        if not accounts:
            del self._watches[programme_id]

    def _moved(self, accounts: Iterable[Account]) -> None:
        self._wake(accounts)
        if self._hints is not None:
            self._hints.tell(accounts)

    def _wake(self, accounts: Iterable[Account]) -> None:
        for programme_id, account_id in accounts:
            watched = self._watches.get(programme_id, {})
            woken: Iterable[Watch] = watched.get(account_id, ())
            if account_id == EVERY_ACCOUNT:
                self._programmes.forget(programme_id)
                woken = [watch for watches in watched.values() for watch in watches]
            for watch in woken:
                watch.wake()

    def _start(self) -> None:
        self._hinted = False
        self._tasks.append(asyncio.create_task(self._look(), name="watches"))
        if self._hints is not None:
            hearing = self._hints.hear(self._wake, self._connected)
            self._tasks.append(asyncio.create_task(hearing, name="hints heard"))

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _connected(self, connected: bool) -> None:  # noqa: FBT001  # a state
        """What was told while hints did not come was missed: look at once, whichever way it changed."""
        self._hinted = connected
        self._look_now.set()

    async def _look(self) -> None:
        """Look at all watched accounts again and again, a statement a programme."""
        while True:
            seconds = LOOKS_SECONDS_BESIDE_HINTS if self._hinted else LOOKS_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._look_now.wait()
            self._look_now.clear()
            for programme_id in list(self._watches):
                try:
                    await self._look_at(programme_id)
                except Exception as failure:  # noqa: BLE001  # logged, unless the database is away
                    if not is_transient(failure):
                        _log.exception("watches.failed", programme=programme_id)

    async def _look_at(self, programme_id: int) -> None:
        mark = mark_of(await self._programmes.get(programme_id))
        account_ids = list(self._watches.get(programme_id, ()))

        async def read() -> dict[int, int]:
            async with self._db.bare_transaction(programme_id) as connection:
                return await ledger.seqs(connection, programme_id, account_ids)

        seqs = await retrying(read)
        for account_id, watches in self._watches.get(programme_id, {}).items():
            for watch in watches:
                if account_id in seqs and watch.seen not in (None, (seqs[account_id], mark)):
                    watch.wake()
