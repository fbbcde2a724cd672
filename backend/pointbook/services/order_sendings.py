"""Staff send documents by hand, by their ids or by a filter, and look at what came of each (R35).

A sending is a job: a row that says what was asked for and how far it has come, and a row for each document, chosen
when it is made. A short one is worked at in the call that makes it, by the same steps as by a worker
(``sending_batches``). The same idempotency key of the same caller is the same sending.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import orjson

from pointbook.db.queries import order_sendings as jobs
from pointbook.db.session import Connection
from pointbook.domain import text
from pointbook.domain.errors import IdempotencyConflict, InvalidInput, SendingNotFound
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.document_sending import PointsAsOf, Refusal, SendOutcome
from pointbook.services.installation import Installation
from pointbook.services.sending_batches import LEASE, advance, tell_sent

__all__ = ["PointsAsOf", "SendOutcome"]

DOCUMENTS_MAX: Final = 250_000
"""Of one sending: so many are settled within half an hour."""
AT_ONCE_MAX: Final = 300
"""A sending of so many documents is worked at in the call that makes it."""
PAGE_MAX: Final = 101
"""Of a list at once: a page, and one that says that there are more."""


class DocumentType(enum.StrEnum):
    """What the inbox holds: orders, and what takes them back."""

    SALE = "SALE"
    CREDIT_NOTE = "CREDIT_NOTE"
    RETURN = "RETURN"
    REPAIR = "REPAIR"
    WARRANTY = "WARRANTY"
    CANCELLATION = "CANCELLATION"


class SendingState(enum.StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Filter:
    """Documents that have not been processed; None: it does not matter.

    Placed from ``placed_from`` on and before ``placed_to`` (a return: made, else reported); of members who had
    joined at ``joined_until``, which leaves out whoever has not.
    """

    placed_from: datetime | None = None
    placed_to: datetime | None = None
    types: tuple[DocumentType, ...] | None = None
    statuses: tuple[str, ...] | None = None
    joined_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendOrders:
    """Documents by ``ids`` (an item may be several, separated by commas; filters are ignored then) or a filter."""

    idempotency_key: str
    ids: Sequence[str] | None = None
    filter: Filter | None = None
    dry_run: bool = False
    points_as_of: PointsAsOf = PointsAsOf.NOW


@dataclass(frozen=True, slots=True)
class OrderSending:
    """A sending as it stands; points are of the documents that were settled. ``filter`` None: it went by ids."""

    id: UUID
    state: SendingState
    filter: Filter | None
    dry_run: bool
    points_as_of: PointsAsOf
    created_at: datetime
    created_by: str
    documents_total: int
    documents_done: int
    points_earned: int
    points_reversed: int
    points_given_back: int


class SentDocument(NamedTuple):
    """``outcome`` None: its turn has not come."""

    position: int
    external_id: str
    is_return: bool
    outcome: SendOutcome | None
    points_earned: int
    points_reversed: int
    points_given_back: int
    refusal: Refusal | None


async def send_orders(
    installation: Installation,
    programme_id: int,
    command: SendOrders,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> OrderSending:
    """Make a sending; a short one is DONE in the answer.

    Raises InvalidInput, ProgrammeNotOpen and IdempotencyConflict.
    """
    key = text.identifier("idempotencyKey", command.idempotency_key)
    ids = None if command.ids is None else _ids(command.ids)
    request = {"ids": ids} if ids is not None else {"filter": _checked(command.filter)}
    fingerprint = _fingerprint({**request, "dryRun": command.dry_run, "pointsAsOf": command.points_as_of})
    programme = await installation.programmes.get(programme_id)
    sending_id = uuid4()
    kept = {"ids": len(ids)} if ids is not None else request
    columns: dict[str, object] = {
        "sending_id": sending_id,
        "state": SendingState.QUEUED.value,
        "request": orjson.dumps(kept).decode(),
        "dry_run": command.dry_run,
        "points_as_of": command.points_as_of.value,
        "idempotency_key": key,
        "fingerprint": fingerprint,
        "created_at": now,
        "created_by": by,
    }
    async with installation.db.bare_transaction(programme_id) as connection:
        if not await jobs.add(connection, programme_id, columns):
            row = await jobs.find_by_key(connection, programme_id, by, key)
            if row["fingerprint"] != fingerprint:
                raise IdempotencyConflict
            return _sending(row)
        programme.require_open()
        if ids is not None:
            total = await jobs.add_named(connection, programme_id, sending_id, ids)
        else:
            criteria = _criteria(command.filter or Filter())
            total = await jobs.add_found(connection, programme_id, sending_id, criteria, most=DOCUMENTS_MAX + 1)
        if total > DOCUMENTS_MAX:
            raise InvalidInput("filter", f"finds more than {DOCUMENTS_MAX} documents: choose a narrower one")
        lease_id = uuid4() if 0 < total <= AT_ONCE_MAX else None
        what = {**kept, "documents": total, "dryRun": command.dry_run}
        await _note(connection, programme_id, Action.ORDERS_SENT, sending_id, what, by, now)
        taken = await jobs.begin(connection, programme_id, sending_id, total, lease_id=lease_id, lease=LEASE)
    if taken is not None:
        db, programmes = installation.db, installation.programmes
        await advance(db, programmes, programme_id, taken, lambda: now, batch=AT_ONCE_MAX)
    return await find_sending(installation, programme_id, sending_id)


async def cancel_sending(
    installation: Installation, programme_id: int, sending_id: UUID, *, by: str = audit.OPERATOR, now: datetime
) -> OrderSending:
    """End a sending after the document at hand; one that has ended stays as it is. Raises SendingNotFound."""
    async with installation.db.bare_transaction(programme_id) as connection:
        cancelled = await jobs.cancel(connection, programme_id, sending_id)
        if cancelled is not None:
            await tell_sent(connection, programme_id, cancelled, now=now)
            await _note(connection, programme_id, Action.ORDER_SENDING_CANCELLED, sending_id, None, by, now)
    return await find_sending(installation, programme_id, sending_id)


async def find_sending(installation: Installation, programme_id: int, sending_id: UUID) -> OrderSending:
    """Raises SendingNotFound."""
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await jobs.find(connection, programme_id, sending_id)
    if row is None:
        raise SendingNotFound
    return _sending(row)


async def list_sendings(
    installation: Installation, programme_id: int, *, first: int = PAGE_MAX, before: UUID | None = None
) -> list[OrderSending]:
    """At most ``first``, the newest first, older than ``before``. Raises InvalidInput."""
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await jobs.newest(connection, programme_id, most=min(first, PAGE_MAX), before=before)
    if found is None:
        raise InvalidInput("after", "is not a cursor of this list")
    return [_sending(row) for row in found]


async def sent_documents(
    installation: Installation,
    programme_id: int,
    sending_id: UUID,
    *,
    outcome: SendOutcome | None = None,
    first: int = PAGE_MAX,
    after: int = 0,
) -> list[SentDocument]:
    """At most ``first`` documents behind a position; those of a customer together, orders before returns."""
    async with installation.db.bare_transaction(programme_id) as connection:
        most = min(first, PAGE_MAX)
        rows = await jobs.results(connection, programme_id, sending_id, outcome=outcome, most=most, after=after)
    return [_sent(row) for row in rows]


async def _note(  # noqa: PLR0917  # who did what
    connection: Connection,
    programme_id: int,
    action: Action,
    sending_id: UUID,
    what: dict[str, Any] | None,
    by: str,
    now: datetime,
) -> None:
    change = Change(action, f"order sending {sending_id.hex}", None, what)
    await audit.append(connection, programme_id, [change], by=by, now=now)


def _ids(given: Iterable[str]) -> list[str]:
    """The ids in the items, each once."""
    found: dict[str, None] = {}
    for number, item in enumerate(given):
        for one in item.split(","):
            if one.strip():
                found[text.identifier(f"ids[{number}]", one.strip())] = None
    if not found:
        raise InvalidInput("ids", "names no document")
    if len(found) > DOCUMENTS_MAX:
        raise InvalidInput("ids", f"must be at most {DOCUMENTS_MAX}")
    return sorted(found)


def _checked(given: Filter | None) -> dict[str, Any]:
    """The filter as it is kept. Raises InvalidInput."""
    if given is None or given == Filter():
        raise InvalidInput("ids", "or at least one criterion of a filter is required")
    if given.placed_from and given.placed_to and given.placed_to <= given.placed_from:
        raise InvalidInput("filter.placedTo", "must be after placedFrom")
    for number, status in enumerate(given.statuses or ()):
        text.identifier(f"filter.statuses[{number}]", status)
    return asdict(given)


def _criteria(given: Filter) -> jobs.Criteria:
    return jobs.Criteria(
        given.placed_from,
        given.placed_to,
        None if given.types is None else [kind.value for kind in given.types],
        None if given.statuses is None else list(given.statuses),
        given.joined_until,
    )


def _fingerprint(request: dict[str, Any]) -> bytes:
    return sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)).digest()


def _filter(request: dict[str, Any]) -> Filter | None:
    kept = request.get("filter")
    if kept is None:
        return None
    instants = {
        name: None if kept[name] is None else datetime.fromisoformat(kept[name])
        for name in ("placed_from", "placed_to", "joined_until")
    }
    types, statuses = kept["types"], kept["statuses"]
    return Filter(
        types=None if types is None else tuple(map(DocumentType, types)),
        statuses=None if statuses is None else tuple(statuses),
        **instants,
    )


def _sending(row: Any) -> OrderSending:
    return OrderSending(
        id=row["sending_id"],
        state=SendingState(row["state"]),
        filter=_filter(orjson.loads(row["request"])),
        dry_run=row["dry_run"],
        points_as_of=PointsAsOf(row["points_as_of"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        documents_total=row["documents_total"],
        documents_done=row["documents_done"],
        points_earned=row["points_earned"],
        points_reversed=row["points_reversed"],
        points_given_back=row["points_given_back"],
    )


def _sent(row: Any) -> SentDocument:
    return SentDocument(
        row["position"],
        row["external_id"],
        row["kind"] == "RETURN",
        None if row["outcome"] is None else SendOutcome(row["outcome"]),
        row["points_earned"],
        row["points_reversed"],
        row["points_given_back"],
        None if row["refusal"] is None else Refusal(row["refusal"], row["reason"]),
    )
