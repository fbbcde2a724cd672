"""Staff give and take points by hand (R31), and take that back."""

from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.queries import adjustments as rows
from pointbook.db.queries.adjustments import NewAdjustment
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import adjustments, errors, text
from pointbook.domain.access import Principal, Right
from pointbook.domain.adjustments import Terms
from pointbook.ledger import NewLot, Request
from pointbook.services import audit, outbox
from pointbook.services.adjustment_views import Adjustment, adjustment_of
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of

POINTS_ADJUSTED: Final = "points.adjusted"


@dataclass(frozen=True, slots=True)
class AdjustPoints:
    """``points`` below zero are taken. ``expires_on`` and ``available_from`` are of a plus; None: as usual."""

    customer: str
    points: int
    description: str
    internal_note: str | None
    idempotency_key: str
    expires_on: date | None = None
    available_from: datetime | None = None
    allow_negative: bool = False


@dataclass(frozen=True, slots=True)
class UndoAdjustment:
    """``idempotency_key`` None: sent again, it is refused because it is undone."""

    id: UUID
    idempotency_key: str | None = None
    allow_negative: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """An adjustment to write: by whom, under which request; ``undoes`` is the internal id of another.

    ``maximum``: the most points that whoever makes it may give or take at a time; None: any number.
    """

    terms: Terms
    allow_negative: bool
    request: Request
    made_by: str
    undoes: int | None = None
    maximum: int | None = None


async def adjust(
    installation: Installation, principal: Principal, command: AdjustPoints, *, now: datetime
) -> Adjustment:
    """Give or take points, whatever the member may do otherwise; who may allow a debt is the face's to ask.

    The same key again: the same adjustment. Raises NotAMember, AdjustmentAboveLimit, InsufficientPoints (a minus
    beyond the balance, without ``allow_negative``), IdempotencyConflict, InvalidInput, ProgrammeNotOpen; nothing
    is moved then.
    """

    async def call(programme: ProgrammeSnapshot) -> Adjustment:
        customer = text.identifier("customerExternalId", command.customer)
        terms = adjustments.terms(
            command.points,
            command.description,
            command.internal_note,
            expires_on=command.expires_on,
            available_from=command.available_from,
        )
        said = customer, *astuple(terms), command.allow_negative
        request = request_of(installation, principal, "adjustPoints", command.idempotency_key, *said)
        maximum = _maximum(programme, principal, now)
        decided = Decided(terms, command.allow_negative, request, principal.identity, maximum=maximum)
        account_id = (await installation.accounts.get(programme.id, customer)).account_id

        async def attempt() -> Adjustment:
            async with installation.db.bare_transaction(programme.id) as connection:
                owner = await _lock(connection, programme, account_id)
                adjustment, _ = await write(connection, programme, owner, decided, now=now)
                return adjustment

        async with installation.turns.turn(programme.id, account_id):
            return await retrying(attempt)

    return await installation.programmes.while_unchanged(principal.programme_id, call)


async def undo(
    installation: Installation, principal: Principal, command: UndoAdjustment, *, now: datetime
) -> Adjustment:
    """Take back a plus, beyond the balance only with ``allow_negative``, or give back a minus; once.

    A plus whose points have expired is not taken back, because they are gone already, nor one whose points are
    not available yet.

    The points of a minus come back as a plus of now: available at once, with the standard expiry. The answer is
    the adjustment that undoes; the same key again: the same one. Raises AdjustmentNotFound, AdjustmentUndone,
    AdjustmentAboveLimit, InsufficientPoints, IdempotencyConflict, InvalidInput, ProgrammeNotOpen; nothing is moved
    then.
    """
    key = uuid4().hex if command.idempotency_key is None else command.idempotency_key
    request = request_of(installation, principal, "undoAdjustment", key, command.id, command.allow_negative)

    async def call(programme: ProgrammeSnapshot) -> Adjustment:
        row = await installation.db.one_row(programme.id, rows.ACCOUNT_OF, programme.id, command.id)
        if row is None:
            raise errors.AdjustmentNotFound
        account_id: int = row["account_id"]

        async def attempt() -> Adjustment:
            async with installation.db.bare_transaction(programme.id) as connection:
                owner = await _lock(connection, programme, account_id)
                undone = await rows.find(connection, programme.id, command.id)
                assert undone is not None, "it was found, and none is deleted"
                if undone["undone_by"] is not None:
                    return await _undone_before(connection, programme, undone, request)
                programme.require_open()
                if undone["points"] > 0 and not await rows.is_available(connection, programme.id, undone, now=now):
                    raise errors.InvalidInput(
                        "id", "its points have expired or are not available yet: none to take"
                    )
                terms = Terms(-undone["points"], undone["description"])
                maximum = _maximum(programme, principal, now)
                decided = Decided(
                    terms, command.allow_negative, request, principal.identity, undone["id"], maximum
                )
                adjustment, _ = await write(connection, programme, owner, decided, now=now)
                return adjustment

        async with installation.turns.turn(programme.id, account_id):
            return await retrying(attempt)

    return await installation.programmes.while_unchanged(principal.programme_id, call)


async def write(
    connection: Connection, programme: ProgrammeSnapshot, account_id: int, decided: Decided, *, now: datetime
) -> tuple[Adjustment, bool]:
    """Move the points of a locked account and write what is said of it; False: this request had done so before.

    Raises ProgrammeNotOpen, AdjustmentAboveLimit, InsufficientPoints, IdempotencyConflict, InvalidInput, before
    anything is written.
    """
    earlier = await rows.made_by_request(connection, programme.id, decided.request.digest)
    if earlier is not None:
        _check_same(earlier["request_input"], decided.request)
        return adjustment_of(earlier), False
    programme.require_open()
    terms, lot = decided.terms, None
    if decided.maximum is not None and abs(terms.points) > decided.maximum:
        raise errors.AdjustmentAboveLimit(decided.maximum)
    if terms.points > 0:
        version = programme.version_at(now)
        begin, end = adjustments.lifetime(terms, version.settings, now, programme.zone)
        lot = NewLot(terms.points, version.settings.value_per_point, begin, end, version.version)
    adjusted = await ledger.adjust(
        connection,
        programme.id,
        account_id,
        terms.points,
        lot=lot,
        allow_negative=decided.allow_negative,
        request=decided.request,
        now=now,
    )
    new = NewAdjustment(
        public_id=uuid4(),
        account_id=account_id,
        seq=adjusted.seq,
        terms=terms,
        made_by=decided.made_by,
        undoes=decided.undoes,
        request=decided.request.digest,
        request_input=decided.request.input,
    )
    adjustment = adjustment_of(await rows.insert(connection, programme.id, new, now=now))
    await _tell(connection, programme.id, adjustment, now)
    return adjustment, True


def _maximum(programme: ProgrammeSnapshot, principal: Principal, now: datetime) -> int | None:
    if Right.ADJUST_ABOVE_LIMIT in principal.scopes:
        return None
    return programme.settings_at(now).adjustment_max_points


async def _lock(connection: Connection, programme: ProgrammeSnapshot, account_id: int) -> int:
    """The account that stands for it, locked, in a programme that stays as it is: a closed one has no points."""
    owner = (await ledger.lock(connection, programme.id, [account_id])).get(account_id)
    if owner is None:
        raise errors.NotAMember
    await keep_unchanged(connection, programme)
    return owner


async def _undone_before(
    connection: Connection, programme: ProgrammeSnapshot, undone: Any, request: Request
) -> Adjustment:
    if undone["undone_by_request"] != request.digest:
        raise errors.AdjustmentUndone(undone["undone_by"].hex)
    _check_same(undone["undone_by_input"], request)
    counter = await rows.find(connection, programme.id, undone["undone_by"])
    assert counter is not None, "it undid another"
    return adjustment_of(counter)


def _check_same(earlier_input: bytes, request: Request) -> None:
    if earlier_input != request.input:
        raise errors.IdempotencyConflict


async def _tell(connection: Connection, programme_id: int, adjustment: Adjustment, now: datetime) -> None:
    """The audit and the message name the adjustment; its words stand in one place, where an erasure finds them."""
    named = {"adjustment": adjustment.id.hex, "points": adjustment.points}
    undoes = {} if adjustment.undoes is None else {"undoes": adjustment.undoes.hex}
    change = Change(Action.POINTS_ADJUSTED, f"member {adjustment.account.hex}", None, named | undoes)
    await audit.append(connection, programme_id, [change], by=adjustment.made_by, now=now)
    payload = {
        "account": adjustment.account.hex,
        "entry": f"{adjustment.entry_account.hex}-{adjustment.seq}",
        **named,
        **undoes,
    }
    await outbox.append(connection, programme_id, POINTS_ADJUSTED, payload, now=now)
