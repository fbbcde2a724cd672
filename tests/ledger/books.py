"""What the books of an account say through the ledger's functions, in the model's words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from pointbook import ledger
from tests.ledger.agreeing import agree
from tests.ledger.histories import WINDOW
from tests.ledger.model_words import Balance, Entry, GivenBack, Reversed, Transfer
from tests.ledger.telling import HoldFigures, Line, Page


@dataclass(frozen=True, slots=True)
class Books:
    """Of one account, read as the services read them: after a merge by the name of the one that was merged."""

    connection: asyncpg.Connection
    programme_id: int
    first_id: int
    merged_ids: list[int] = field(default_factory=list)

    @property
    def account_id(self) -> int:
        return self.merged_ids[-1] if self.merged_ids else self.first_id

    async def page(self, now: datetime) -> Page:
        page = await ledger.account_page(
            self.connection, self.programme_id, self.account_id, now=now, expiring_until=now + WINDOW, history=5
        )
        return Page(
            _balance(page.balance),
            [(batch.expires_at, batch.points) for batch in page.expiring],
            [figures(hold) for hold in page.holds],
            [_line(entry) for entry in page.history],
        )

    async def balance(self, as_of: datetime, now: datetime) -> Balance:
        return _balance(
            await ledger.balance(self.connection, self.programme_id, self.account_id, as_of=as_of, now=now)
        )

    async def holds(self, now: datetime) -> list[HoldFigures]:
        return [
            figures(hold)
            for hold in await ledger.holds(self.connection, self.programme_id, self.account_id, now=now)
        ]

    async def expiring(self, now: datetime) -> list[tuple[datetime, int]]:
        batches = await ledger.expiring(
            self.connection, self.programme_id, self.account_id, now=now, until=now + WINDOW
        )
        return [(batch.expires_at, batch.points) for batch in batches]

    async def lines(self, now: datetime) -> list[Line]:
        """The whole history, read page by page."""
        lines: list[Line] = []
        while True:
            before = lines[-1].seq if lines else None
            page = await ledger.history(
                self.connection, self.programme_id, self.account_id, now=now, first=20, before_seq=before
            )
            if not page:
                return lines
            lines.extend(map(_line, page))

    async def entries(self) -> list[Entry]:
        """The books as they stand in the tables, lots numbered in the order they were made."""
        await self.connection.execute("select set_config('app.programme', $1, true)", str(self.programme_id))
        rows = await self.connection.fetch(_ENTRIES, self.programme_id, self.first_id)
        return list(_entries(rows))


_ENTRIES = """
with known as (
    select account_id, rank() over (order by account_id) - 1 as account
    from ledger.account
    where programme_id = $1 and $2 in (account_id, merged_into)
), number as (
    select lot_id, rank() over (order by lot_id) as number
    from ledger.lot
    where programme_id = $1 and account_id in (select account_id from known)
)
select
    entry.seq, kind, at, source_type, source_id, occurrence, hold_id, known.account as of_account, of_seq, debit,
    credit, number as lot, points
from ledger.entry
left join ledger.transfer using (programme_id, account_id, seq)
left join number using (lot_id)
left join known on known.account_id = of_account_id
where programme_id = $1 and entry.account_id = $2
order by entry.seq, line
"""


def _entries(rows: Sequence[asyncpg.Record]) -> Iterator[Entry]:
    lines: dict[int, list[Transfer]] = {}
    for row in rows:
        transfers = lines.setdefault(row["seq"], [])
        if row["points"] is not None:
            transfers.append(Transfer(row["debit"], row["credit"], row["lot"], row["points"]))
    for row in {row["seq"]: row for row in rows}.values():
        source = None if row["source_type"] is None else (row["source_type"], row["source_id"], row["occurrence"])
        of = None if row["of_seq"] is None else (row["of_account"], row["of_seq"])
        yield Entry(row["seq"], row["kind"], row["at"], tuple(lines[row["seq"]]), source, row["hold_id"], of)


def given_back(given: ledger.GivenBack | None) -> GivenBack | None:
    return None if given is None else GivenBack(given.seq, given.points, given.anew, given.expired)


def taken_back(taken: ledger.Reversed | None) -> Reversed | None:
    if taken is None:
        return None
    return Reversed(taken.seq, taken.own_open, taken.own_expired, taken.others, taken.debt, taken.forgiven)


def _balance(balance: ledger.Balance) -> Balance:
    agree("spendable is what is available (R26)", balance.available, balance.spendable)
    return Balance(balance.available, balance.pending, balance.held, balance.debt, balance.value)


def _line(entry: ledger.HistoryEntry) -> Line:
    return Line(entry.seq, entry.kind.lower(), entry.at, entry.points, entry.held, entry.moved)


def figures(hold: ledger.Hold) -> HoldFigures:
    return HoldFigures(
        hold.hold_id,
        hold.points,
        hold.value,
        hold.created_at,
        hold.expires_at,
        hold.extensions,
        hold.state.value,
        hold.ended_at,
        hold.captured_points,
        hold.captured_value,
    )
