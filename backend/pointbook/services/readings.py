"""Reads of an account that many want at the same time: one transaction, and each question asked once.

A change wakes all who watch the account. If each read by itself, one customer with many pages would take all
connections of the process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from pointbook import ledger
from pointbook.db.moves import Account
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.domain.errors import PointbookError
from pointbook.ledger import Standing

Answer = TypeVar("Answer")
Ask: TypeAlias = Callable[[Connection, Standing, datetime], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Ask[Any]
    clock: Callable[[], datetime]
    answer: "asyncio.Future[tuple[Standing, Any]]"


class Readings:
    """One transaction at a time of each account. Belongs to one event loop; keeps nothing of whom nobody reads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[Account, dict[Hashable, _Question]] = {}
        self._readers: dict[Account, asyncio.Task[None]] = {}

    async def read(
        self, account: Account, name: Hashable, ask: Ask[Answer], clock: Callable[[], datetime]
    ) -> tuple[Standing, Answer]:
        """How the account stands and what ``ask`` sees of it, as of after this call. Raises NotAMember.

        Questions of the same name are the same. Each may raise for itself what is to be expected.
        """
        questions = self._waiting.setdefault(account, {})
        question = questions.get(name)
        if question is None:
            question = questions[name] = _Question(ask, clock, asyncio.get_running_loop().create_future())
        if account not in self._readers:
            self._readers[account] = asyncio.create_task(self._read(account), name="reading")
        return await asyncio.shield(question.answer)  # others may wait for it, too

    async def _read(self, account: Account) -> None:
        """Until nobody asks any more. Who asks while one transaction runs is answered by the next."""
        try:
            while questions := self._waiting.pop(account, None):
                await self._answer(account, questions)
        finally:
            del self._readers[account]

    async def _answer(self, account: Account, questions: dict[Hashable, _Question]) -> None:
        async def attempt() -> tuple[Standing, list[Any]]:
            now = max(one.clock() for one in questions.values())  # of a sandbox that was moved meanwhile
            async with self._db.bare_transaction(account[0]) as connection:
                # First what states are compared by: whatever moves in between is seen as news, and read again.
                standing = await ledger.standing(connection, *account, now=now)
                return standing, [await _asked(one.ask, connection, standing, now) for one in questions.values()]

        try:
            standing, answers = await retrying(attempt)
        except Exception as failure:  # noqa: BLE001  # it is raised to all who asked
            for one in questions.values():
                one.answer.set_exception(failure)
            return
        for one, answer in zip(questions.values(), answers, strict=True):
            if isinstance(answer, PointbookError):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result((standing, answer))


async def _asked(ask: Ask[Any], connection: Connection, standing: Standing, now: datetime) -> Any:
    try:
        return await ask(connection, standing, now)
    except PointbookError as expected:
        return expected
