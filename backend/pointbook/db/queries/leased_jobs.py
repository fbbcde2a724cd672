"""Jobs that any worker may do: rows with a lease. Whoever is killed leaves one that runs out, and another goes on.

Leases are measured by the database's clock.
"""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection


class Taken(NamedTuple):
    """A job that this process works at: nobody else does until the lease runs out."""

    id: UUID
    lease_id: UUID
    row: Any


class LeasedJobs:
    """The jobs of a table, whose column ``key`` has their ids."""

    def __init__(self, table: str, key: str) -> None:
        self._key = key
        self._find = _FIND.format(table=table, key=key)
        self._newest = _NEWEST.format(table=table, key=key)
        self._take = _TAKE.format(table=table, key=key)
        self._postpone = _POSTPONE.format(table=table, key=key)

    def taken(self, lease_id: UUID, row: Any) -> Taken:
        return Taken(row[self._key], lease_id, row)

    async def find(self, connection: Connection, programme_id: int, job_id: UUID) -> Any:
        """None: there is none in this programme."""
        return await connection.fetchrow(self._find, programme_id, job_id)

    async def newest(
        self, connection: Connection, programme_id: int, *, most: int, before: UUID | None
    ) -> list[Any] | None:
        """The newest first, older than ``before``; None: there is no such job."""
        if before is not None and await self.find(connection, programme_id, before) is None:
            return None
        rows: list[Any] = await connection.fetch(self._newest, programme_id, before, most)
        return rows

    async def take(
        self, connection: Connection, programme_id: int, lease_id: UUID, lease: timedelta
    ) -> Taken | None:
        """The open job that was made first of those at which nobody works; None: there is none."""
        row = await connection.fetchrow(self._take, programme_id, lease_id, lease)
        return None if row is None else self.taken(lease_id, row)

    async def postpone(self, connection: Connection, programme_id: int, taken: Taken, pause: timedelta) -> None:
        """Let nobody take it for a while: some of it has failed."""
        await connection.execute(self._postpone, programme_id, taken.id, taken.lease_id, pause)


_FIND = "select * from {table} where programme_id = $1 and {key} = $2"

_NEWEST = """
select * from {table}
where programme_id = $1 and ($2::uuid is null or (created_at, {key}) < (
    select created_at, {key} from {table} where programme_id = $1 and {key} = $2
))
order by created_at desc, {key} desc
limit $3
"""

# What another worker is taking right now is skipped; what it has just taken fails the condition, which PostgreSQL
# checks again on the newest version of a row.
_TAKE = """
with next as materialized (
    select {key}
    from {table}
    where programme_id = $1 and state in ('QUEUED', 'RUNNING')
        and (leased_until is null or leased_until <= now())
    order by created_at, {key}
    limit 1
    for no key update skip locked
)
update {table} as taken
set state = 'RUNNING', lease_id = $2, leased_until = now() + $3::interval, attempts = attempts + 1,
    changed_at = now()
from next
where taken.programme_id = $1 and taken.{key} = next.{key}
returning taken.*
"""

_POSTPONE = """
update {table} set lease_id = null, leased_until = now() + $4::interval
where programme_id = $1 and {key} = $2 and lease_id = $3
"""
