"""What capped rules have given to members, in buckets. Whoever reads or adds has locked the accounts."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pointbook.db.session import Connection
from pointbook.domain.rules import Counter

Counts: TypeAlias = dict[tuple[int, Counter], int]
"""Points by account and counter."""


async def counts_of(connection: Connection, programme_id: int, asked: Iterable[tuple[int, Counter]]) -> Counts:
    """What the counters of accounts stand at; those at 0 are left out."""
    columns = _columns((account, *counter) for account, counter in asked)
    if not columns:
        return {}
    rows = await connection.fetch(_COUNTS, programme_id, *columns)
    return {(row["account_id"], Counter(row["rule_key"], row["bucket"])): row["points"] for row in rows}


async def add_counts(connection: Connection, programme_id: int, given: Mapping[tuple[int, Counter], int]) -> None:
    """Add points to the counters of accounts."""
    in_key_order = sorted((account, *counter, points) for (account, counter), points in given.items() if points)
    columns = _columns(in_key_order)
    if columns:
        await connection.execute(_ADD, programme_id, *columns)


async def reduce_counts(
    connection: Connection, programme_id: int, account_id: int, taken: Mapping[Counter, int]
) -> None:
    """Take points from the counters of an account that it does not have any more."""
    columns = _columns(sorted((*counter, points) for counter, points in taken.items() if points))
    if columns:
        await connection.execute(_REDUCE, programme_id, account_id, *columns)


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


_COUNTS = """
select known.account_id, known.rule_key, known.bucket, known.points
from unnest($2::bigint[], $3::text[], $4::text[]) as asked (account_id, rule_key, bucket)
join rule_count as known
    on known.programme_id = $1 and known.account_id = asked.account_id
    and known.rule_key = asked.rule_key and known.bucket = asked.bucket
"""

_REDUCE = """
update rule_count as known
set points = greatest(0, known.points - taken.points)
from unnest($3::text[], $4::text[], $5::bigint[]) as taken (rule_key, bucket, points)
where known.programme_id = $1 and known.account_id = $2
    and known.rule_key = taken.rule_key and known.bucket = taken.bucket
"""

_ADD = """
insert into rule_count as known (programme_id, account_id, rule_key, bucket, points)
select $1, given.* from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]) as given
on conflict (programme_id, account_id, rule_key, bucket) do update set points = known.points + excluded.points
"""
