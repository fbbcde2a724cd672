"""What a member has: balance, points that expire soon, open redemptions, history.

``me`` looks ahead: whatever it selects of these is read in one statement.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from pointbook.domain import calendar
from pointbook.domain.errors import InvalidInput, NotAMember
from pointbook.domain.money import Money
from pointbook.graphql.connections import PageInfo, cursor_of, key_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.scalars import Points
from pointbook.graphql.selection import argument, selected
from pointbook.ledger import Balance as LedgerBalance
from pointbook.ledger import EntryKind, HistoryEntry
from pointbook.services import account as service
from pointbook.services import adjustment_views
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.members import Member, find_member
from pointbook.services.redemption import Voucher

Read = TypeVar("Read")

Descriptions: TypeAlias = Callable[[], Awaitable[Mapping[int, str]]]
"""What is said of the adjustments of a page, by the number of the entry: read once, if anybody asks."""

HISTORY_PAGE = 20
_CURSOR = "entry"

described_enum(
    EntryKind,
    "What happened to points.",
    ACCRUAL="Points were granted.",
    HOLD="Points were set aside for a checkout.",
    EXTEND="A redemption was extended.",
    CAPTURE="Points were spent.",
    RELEASE="Points of a redemption were given back.",
    LAPSE="A redemption ran out of time; its points are free again.",
    EXPIRY="Points expired.",
    SETTLE="Points paid a debt.",
    ADJUST="The merchant added or took points by hand.",
    GIVE_BACK="Points spent on something that was returned were given back.",
    REVERSAL="Points earned by something that was returned were taken back.",
    LATE_CAPTURE="Points were spent when their redemption had ended: the purchase was reported late, or the order "
    "was cancelled and completed again.",
    SPEND="Points were spent at once, on a gift card or an exchange.",
    FORFEIT="The member left, and what they had was forfeited.",
    MERGE_OUT="All points went to the member whose account goes on for this one.",
    MERGE_IN="The points of another account of the member came over, and what it owed.",
)


@strawberry.type(description="How many points a member has.")
class Balance:
    available: Points = strawberry.field(description="Can be spent now.")
    pending: Points = strawberry.field(description="Earned, available later.")
    held: Points = strawberry.field(description="Set aside for a checkout.")
    debt: Points = strawberry.field(description="Owed; points that become available pay it first.")
    spendable: Points = strawberry.field(description="What can be redeemed; with debt it is 0.")
    value: MoneyAmount = strawberry.field(description="What the spendable points pay.")

    @classmethod
    def of(cls, balance: LedgerBalance, currency: str) -> Self:
        return cls(
            available=Points(balance.available),
            pending=Points(balance.pending),
            held=Points(balance.held),
            debt=Points(balance.debt),
            spendable=Points(balance.spendable),
            value=MoneyAmount.of(Money(balance.value, currency)),
        )


@strawberry.type(description="Points that end together.")
class ExpiringBatch:
    points: Points = strawberry.field(description="How many, without those set aside for a checkout.")
    expires_at: datetime = strawberry.field(description="From this instant on they cannot be spent.")
    last_day: date = strawberry.field(description="The last day on which they can, in the programme's time zone.")

    @classmethod
    def of(cls, batch: service.ExpiringBatch) -> Self:
        return cls(points=Points(batch.points), expires_at=batch.expires_at, last_day=batch.last_day)


@strawberry.type(description="Points that become available together.")
class PendingBatch:
    points: Points = strawberry.field(description="How many.")
    available_from: datetime = strawberry.field(description="From this instant on they can be spent.")


@strawberry.type(description="Something that happened to the member's points.")
class HistoryItem:
    seq: strawberry.Private[int]
    descriptions: strawberry.Private[Descriptions | None]
    id: strawberry.ID = strawberry.field(description="Names the item; it never changes. `explain` takes it.")
    kind: EntryKind = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")
    points: Points = strawberry.field(
        description="By how much the member's points changed; 0 for what only sets aside."
    )
    held: Points = strawberry.field(description="By how much the points set aside changed.")
    source_type: str | None = strawberry.field(
        description="What kind of thing caused it, such as `order`, `booking`, `gift_card` or `exchange_order`."
    )
    source_id: str | None = strawberry.field(
        description="Which one: the shop's id of the order or booking, the member's of a joining, or the "
        "redemption's, gift card's or exchange order's."
    )
    redemption_id: strawberry.ID | None = strawberry.field(description="The redemption it belongs to.")

    @described("ADJUST: what the merchant says of it, plain text; null for everything else.")
    async def description(self) -> str | None:
        if self.kind is not EntryKind.ADJUST or self.descriptions is None:
            return None
        return (await self.descriptions()).get(self.seq)

    @classmethod
    def of(cls, entry: HistoryEntry, account: UUID, descriptions: Descriptions | None = None) -> Self:
        return cls(
            seq=entry.seq,
            descriptions=descriptions,
            id=strawberry.ID(f"{account.hex}-{entry.seq}"),
            kind=entry.kind,
            at=entry.at,
            points=Points(entry.points),
            held=Points(entry.held),
            source_type=entry.source_type,
            source_id=entry.source_id,
            redemption_id=None if entry.hold_id is None else strawberry.ID(entry.hold_id.hex),
        )


@strawberry.type(description="An item of a history and its place.")
class HistoryEdge:
    cursor: str = strawberry.field(description="Its place, for `after`.")
    node: HistoryItem = strawberry.field(description="The item.")


@strawberry.type(description="A page of a history, newest first.")
class HistoryConnection:
    edges: list[HistoryEdge] = strawberry.field(description="The items with their places.")
    nodes: list[HistoryItem] = strawberry.field(description="The items.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(
        cls, entries: Iterable[HistoryEntry], account: UUID, descriptions: Descriptions, *, continued: bool
    ) -> Self:
        rows = list(entries)
        edges = [
            HistoryEdge(cursor=cursor_of(_CURSOR, row.seq), node=HistoryItem.of(row, account, descriptions))
            for row in rows
        ]
        return cls(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=PageInfo(
                has_next_page=bool(rows) and rows[-1].seq > 1,  # an account's entries are numbered without a gap
                has_previous_page=continued,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request selects of an account page. ``days`` None: the programme's window."""

    anything: bool = False
    history: int = 0
    days: int | None = None

    @classmethod
    def of(cls, info: Info, window: int) -> Self:
        """The one page that serves every field of ``me``: the longest history and the widest window asked for."""
        anything, history, days = False, 0, 0
        for node in selected(info):
            name = node.name.value
            if name == "history" and argument(info, node, "after") is None:
                first = argument(info, node, "first")
                history = max(history, HISTORY_PAGE if first is None else int(first))
            elif name == "expiringPoints":
                days = max(days, argument(info, node, "days") or window)
            elif name != "holds" and (name != "balance" or argument(info, node, "asOf") is not None):
                continue
            anything = True
        return cls(
            anything, min(max(history, 0), service.HISTORY_MAX), min(days, service.EXPIRING_DAYS_MAX) or None
        )


@dataclass(slots=True)
class AccountReads:
    """What has been read of one account for one request; nothing is read twice."""

    info: Info
    external_id: str
    public_id: UUID
    programme: ProgrammeSnapshot
    wanted: Wanted
    page: service.AccountPage | None = None
    record: Member | None = None
    running: dict[object, "asyncio.Task[Any]"] = field(default_factory=dict)

    @classmethod
    async def of_caller(cls, info: Info) -> Self | None:
        """The calling customer's account with all that the request selects of it; None: has not joined."""
        principal, installation = info.context.principal, info.context.installation
        assert principal.subject is not None, "the policy admits customers only"
        programme = await installation.programmes.get(principal.programme_id)
        account = await installation.accounts.find(programme.id, principal.subject)
        if account is None:
            return None
        wanted = Wanted.of(info, programme.settings_at(info.context.now).expiring_window_days)
        reads = cls(info, principal.subject, account.public_id, programme, wanted)
        if wanted.anything:
            reads.page = await reads._read_page()
            reads.public_id = reads.page.public_id  # another than was known, if it was merged a moment ago
        return reads

    @classmethod
    async def of_member(cls, info: Info, member: Member) -> Self:
        """The account of a member who is known already; what is selected of it is read when it is resolved."""
        principal = info.context.principal
        assert principal.subject is not None, "the policy admits customers only"
        programme = await info.context.installation.programmes.get(principal.programme_id)
        wanted = Wanted(history=service.HISTORY_MAX, days=service.EXPIRING_DAYS_MAX)
        return cls(info, principal.subject, member.public_id, programme, wanted, record=member)

    async def member(self) -> Member:
        if self.record is None:
            self.record = await self._once("member", self._read_member)
        return self.record

    async def balance(self, as_of: datetime | None) -> Balance:
        if as_of is None:
            balance = (await self._the_page()).balance
        else:
            balance = await self._once(("balance", as_of), lambda: self._read_balance(as_of))
        return Balance.of(balance, self.programme.currency)

    async def expiring(self, days: int | None) -> list[ExpiringBatch]:
        now = self.info.context.now
        window = self.programme.settings_at(now).expiring_window_days if days is None else days
        if not 1 <= window <= service.EXPIRING_DAYS_MAX:
            raise InvalidInput("days", f"must be 1 to {service.EXPIRING_DAYS_MAX}")
        until = calendar.expiring_until(now, window, self.programme.zone)
        batches = (await self._the_page()).expiring
        return [ExpiringBatch.of(batch) for batch in batches if batch.expires_at <= until]

    async def pending(self) -> list[PendingBatch]:
        batches = await self._once("pending", lambda: service.pending(*self._account, now=self.info.context.now))
        assert batches is not None, "the account was found before"
        return [
            PendingBatch(points=Points(batch.points), available_from=batch.available_from) for batch in batches
        ]

    async def history(self, first: int, after: str | None) -> HistoryConnection:
        if not 0 <= first <= service.HISTORY_MAX:
            raise InvalidInput("first", f"must be 0 to {service.HISTORY_MAX}")
        if after is None:
            entries = (await self._the_page()).history[:first]
        else:
            before = key_of(_CURSOR, after)
            entries = tuple(
                await self._once(("history", first, before), lambda: self._read_history(first, before))
            )
        adjusted = tuple(entry.seq for entry in entries if entry.kind is EntryKind.ADJUST)

        async def descriptions() -> Mapping[int, str]:
            return await self._once(("descriptions", adjusted), lambda: self._read_descriptions(adjusted))

        return HistoryConnection.of(entries, self.public_id, descriptions, continued=after is not None)

    async def account_id(self) -> int:
        return (await self.info.context.installation.accounts.get(self.programme.id, self.external_id)).account_id

    async def vouchers(self) -> tuple[Voucher, ...]:
        return (await self._the_page()).vouchers

    async def _the_page(self) -> service.AccountPage:
        if self.page is None:
            self.page = await self._once("page", self._read_page)
        return self.page

    async def _once(self, key: object, read: Callable[[], Awaitable[Read]]) -> Read:
        """Fields of one object are resolved at the same time; whoever comes second waits for the first."""
        if key not in self.running:
            self.running[key] = asyncio.ensure_future(read())
        result: Read = await self.running[key]
        return result

    async def _read_page(self) -> service.AccountPage:
        page = await service.page(
            *self._account, history=self.wanted.history, expiring_days=self.wanted.days, now=self.info.context.now
        )
        assert page is not None, "the account was found before"
        return page

    async def _read_balance(self, as_of: datetime) -> LedgerBalance:
        balance = await service.balance(*self._account, as_of=as_of, now=self.info.context.now)
        assert balance is not None, "the account was found before"
        return balance

    async def _read_history(self, first: int, before_seq: int) -> list[HistoryEntry]:
        entries = await service.history(
            *self._account, first=first, before_seq=before_seq, now=self.info.context.now
        )
        assert entries is not None, "the account was found before"
        return entries

    async def _read_descriptions(self, seqs: tuple[int, ...]) -> dict[int, str]:
        installation, programme_id, _ = self._account
        found = await adjustment_views.of_entries(installation, programme_id, await self.account_id(), seqs)
        return {seq: adjustment.description for seq, adjustment in found.items()}

    async def _read_member(self) -> Member:
        member = await find_member(*self._account)
        if member is None:  # they have left meanwhile, and the account was still known here
            raise NotAMember
        return member

    @property
    def _account(self) -> tuple[Installation, int, str]:
        return self.info.context.installation, self.programme.id, self.external_id
