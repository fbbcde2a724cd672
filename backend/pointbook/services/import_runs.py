"""How far the import of a file has come: a row that moves in the transaction of the lines' effects.

The row is locked by whoever writes a chunk, so that two imports of one file never write the same chunk, and one
that was broken off goes on behind the last chunk it committed. A file that was imported to its end begins anew
the next time: what was refused may be taken by now, and what was taken is known by its natural key.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import orjson

from pointbook.db.session import Connection, Database
from pointbook.services.import_files import ImportFile, Refusal

REFUSALS_KEPT: Final = 1_000
"""So many refused lines are kept with the run; all of them are counted."""

Answer = TypeVar("Answer")


class ImportKind(enum.StrEnum):
    ORDERS = "ORDERS"
    MEMBERS = "MEMBERS"
    BALANCES = "BALANCES"
    ADJUSTMENTS = "ADJUSTMENTS"


@dataclass(frozen=True, slots=True)
class ImportRun:
    """A file by its content, in one programme."""

    programme_id: int
    kind: ImportKind
    file_digest: bytes

    @classmethod
    async def begin(
        cls, db: Database, programme_id: int, kind: ImportKind, file: ImportFile, *, now: datetime
    ) -> "tuple[ImportRun, int]":
        """The run of a file, and how many of its lines are done already."""
        run = cls(programme_id, kind, file.digest)
        async with db.bare_transaction(programme_id) as connection:
            lines_done = await connection.fetchval(_BEGIN, programme_id, file.digest, kind.value, now)
        return run, lines_done

    async def claim(self, connection: Connection, last_line: int) -> "Claim | None":
        """Lock the run until the transaction ends; None when the lines up to ``last_line`` are done already."""
        row = await connection.fetchrow(_CLAIM, self.programme_id, self.file_digest, self.kind.value)
        assert row is not None, "the run was begun, and runs are never deleted"
        if row["lines_done"] >= last_line:
            return None
        return Claim(connection, self, last_line, REFUSALS_KEPT - row["kept"], row["transaction"])

    async def settle(self, db: Database, last_line: int, refusals: Sequence[Refusal]) -> None:
        """Say that the lines are done, whose effects were committed one by one."""
        async with db.bare_transaction(self.programme_id) as connection:
            claim = await self.claim(connection, last_line)
            if claim is not None:
                await claim.settle(refusals)

    async def finish(self, db: Database, *, now: datetime) -> tuple[int, list[Refusal]]:
        """Close the run. Returns how many lines it refused in all, and the first of them."""
        async with db.bare_transaction(self.programme_id) as connection:
            row = await connection.fetchrow(_FINISH, self.programme_id, self.file_digest, self.kind.value, now)
        assert row is not None, "the run was begun, and runs are never deleted"
        return row["refused_count"], [Refusal(**refusal) for refusal in orjson.loads(row["refused"])]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write the lines up to ``last_line``, for one transaction."""

    connection: Connection
    run: ImportRun
    last_line: int
    room: int
    """So many refusals may still be kept."""
    transaction: str
    """Its number in the database."""

    async def settle(self, refusals: Sequence[Refusal]) -> None:
        """Say that the lines are done, in the transaction of their effects."""
        report = orjson.dumps([refusal._asdict() for refusal in refusals[: self.room]]).decode()
        await self.connection.execute(
            _SETTLE,
            self.run.programme_id,
            self.run.file_digest,
            self.run.kind.value,
            self.last_line,
            len(refusals),
            report,
        )


@dataclass(slots=True)
class LastTry(Generic[Answer]):
    """What the last try to write a chunk came to, as long as nobody knows whether it was committed.

    A COMMIT whose answer was lost is tried again, and would find its own effects to be another's.
    """

    _transaction: str | None = None
    _answer: Answer | None = None

    def keep(self, claim: Claim, answer: Answer) -> None:
        self._transaction, self._answer = claim.transaction, answer

    async def committed(self, connection: Connection) -> Answer | None:
        """The answer of the last try if it was committed. Ask after ``claim``: it has ended by then."""
        if self._transaction is None:
            return None
        return self._answer if await connection.fetchval(_COMMITTED, self._transaction) else None


_BEGIN = """
insert into import_run as run (programme_id, file_digest, kind, started_at)
values ($1, $2, $3, $4)
on conflict (programme_id, file_digest, kind) do update
set lines_done = case when run.finished_at is null then run.lines_done else 0 end,
    refused = case when run.finished_at is null then run.refused else '[]' end,
    refused_count = case when run.finished_at is null then run.refused_count else 0 end,
    started_at = case when run.finished_at is null then run.started_at else excluded.started_at end,
    finished_at = null
returning lines_done
"""

_CLAIM = """
select lines_done, jsonb_array_length(refused) as kept, pg_current_xact_id()::text as transaction
from import_run
where programme_id = $1 and file_digest = $2 and kind = $3
for no key update
"""

_COMMITTED = "select pg_xact_status($1::text::xid8) = 'committed'"

_SETTLE = """
update import_run
set lines_done = $4, refused_count = refused_count + $5, refused = refused || $6::jsonb
where programme_id = $1 and file_digest = $2 and kind = $3
"""

_FINISH = """
update import_run set finished_at = $4
where programme_id = $1 and file_digest = $2 and kind = $3
returning refused_count, refused
"""
