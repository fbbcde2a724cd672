"""What the ledger answers. Points are whole, money is in minor units, instants are timezone-aware UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal
from uuid import UUID

from pointbook.ledger.commands import Source


class HoldState(StrEnum):
    HELD = "HELD"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"


class EntryKind(StrEnum):
    ACCRUAL = "ACCRUAL"
    HOLD = "HOLD"
    EXTEND = "EXTEND"
    CAPTURE = "CAPTURE"
    RELEASE = "RELEASE"
    LAPSE = "LAPSE"
    EXPIRY = "EXPIRY"
    SETTLE = "SETTLE"
    ADJUST = "ADJUST"
    GIVE_BACK = "GIVE_BACK"
    REVERSAL = "REVERSAL"
    LATE_CAPTURE = "LATE_CAPTURE"
    SPEND = "SPEND"
    FORFEIT = "FORFEIT"
    MERGE_OUT = "MERGE_OUT"
    MERGE_IN = "MERGE_IN"


class CardState(StrEnum):
    ISSUED = "ISSUED"
    """Good for all of its face."""
    PARTLY_USED = "PARTLY_USED"
    """Good for a part of it."""
    USED = "USED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


class CardEntryKind(StrEnum):
    ISSUE = "ISSUE"
    HOLD = "HOLD"
    USE = "USE"
    RELEASE = "RELEASE"
    LAPSE = "LAPSE"
    REFUND = "REFUND"
    EXPIRY = "EXPIRY"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class Accrued:
    """What became of one accrual.

    ``duplicate``: this source had its effect before; account and seq are those of the earlier entry.
    ``not_earning`` and ``no_account``: nothing was written, seq is None.
    """

    account_id: int
    seq: int | None
    status: Literal["ok", "duplicate", "not_earning", "no_account"]


@dataclass(frozen=True, slots=True)
class Adjusted:
    account_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Points set aside for a cart. ``account_id`` is the account that owns it now.

    ``points`` were charged and are worth ``value``; of them ``captured_points`` worth ``captured_value`` were
    spent. ``ended_at`` is None while it is held. ``cart``, ``code_hash``: see HoldPoints.
    ``repeated``: an earlier call had this effect, and this is how the hold was then, not how it is.
    """

    hold_id: UUID
    account_id: int
    cart: bytes
    code_hash: bytes
    last_four: str
    points: int
    value: int
    created_at: datetime
    expires_at: datetime
    extensions: int
    state: HoldState
    ended_at: datetime | None
    captured_points: int | None
    captured_value: int | None
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class CapturedPart:
    """What a purchase took of one lot, and what returns have given back to it.

    ``value_per_point`` in minor units, as it was captured. ``expires_at`` None = never. ``lot_id`` None: nobody
    had these points, they became debt.
    """

    lot_id: int | None
    captured: int
    given_back: int
    value_per_point: Decimal | Fraction
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LateCapture:
    """``points`` worth ``value`` minor units were spent when their hold had ended; ``debt`` of them are owed."""

    account_id: int
    seq: int
    points: int
    value: int
    debt: int


@dataclass(frozen=True, slots=True)
class Spent:
    """``points`` were spent by the entry (account_id, seq) for what ``source`` names."""

    account_id: int
    seq: int
    points: int
    source: Source


@dataclass(frozen=True, slots=True)
class Forfeited:
    """What leaving took: ``points`` that were open or held, and wrote off: points of ``debt``.

    ``released``: how many holds were open. ``seq`` is None where there was nothing of either.
    """

    account_id: int
    seq: int | None
    points: int
    debt: int
    released: int


@dataclass(frozen=True, slots=True)
class AccrualFigures:
    """The points an accrual granted, and of them those that returns have taken back, from wherever."""

    account_id: int
    seq: int
    granted: int
    reversed: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """``points`` went back: ``anew`` of them into new lots, ``expired`` of them expired at once.

    ``seq`` None: there was nothing to give back.
    """

    account_id: int
    seq: int | None
    points: int
    anew: int
    expired: int


@dataclass(frozen=True, slots=True)
class Card:
    """A gift card. Of its ``face`` so much is open, held, used, expired and void, in minor units.

    (account_id, spend_seq) is the entry that bought it. ``expires_at`` None = never; ``issued_until``: the
    same when the card was bought.
    """

    card_id: UUID
    account_id: int
    spend_seq: int
    code_hash: bytes
    last_four: str
    state: CardState
    currency: str
    face: int
    open: int
    held: int
    used: int
    expired: int
    void: int
    issued_at: datetime
    issued_until: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class CardMove:
    """What a call moved on a card, and the card after it. ``replayed``: an earlier call did."""

    card: Card
    amount: int
    replayed: bool
    hold_id: UUID | None
    hold_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class CardVoid:
    """A card that is void, and the points that had bought it. ``replayed``: an earlier call voided it."""

    card: Card
    given_back: GivenBack
    replayed: bool


@dataclass(frozen=True, slots=True)
class CardEntry:
    """One entry of a card: ``amount`` moved; ``effect`` on what is open and ``held`` on what is held are signed.

    ``paid``: kind and id of what it paid, or was refunded for, if that was named.
    """

    seq: int
    kind: CardEntryKind
    at: datetime
    amount: int
    effect: int
    held: int
    hold_id: UUID | None
    paid: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Reversed:
    """From where points were taken back: the accrual's own lots, their expired part, other lots, debt.

    ``forgiven`` were not taken because of the policy. ``seq`` None: nothing was taken.
    """

    account_id: int
    seq: int | None
    own_open: int
    own_expired: int
    others: int
    debt: int
    forgiven: int

    @property
    def points(self) -> int:
        return self.own_open + self.own_expired + self.others + self.debt


@dataclass(frozen=True, slots=True)
class Returned:
    """What one return did; None for the part that it did not ask for."""

    given_back: GivenBack | None
    reversed: Reversed | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The account that stands for another (itself, or the target of a merge), and its newest entry's number.

    ``next_at``: when the clock alone changes something of its lots or holds next; None = never.
    """

    account_id: int
    last_seq: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a hold would charge now, and how many points are free for this cart."""

    points: int
    value: int
    available: int


@dataclass(frozen=True, slots=True)
class Balance:
    """``value`` is the worth of the spendable points in minor units, rounded down once.

    ``pending`` points are not available yet; ``held`` ones are in an open hold. With debt nothing is available.
    """

    available: int
    pending: int
    held: int
    debt: int
    spendable: int
    value: int


@dataclass(frozen=True, slots=True)
class ExpiringBatch:
    """``points`` that nobody holds and that expire at ``expires_at``."""

    expires_at: datetime
    points: int


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """``points`` that become available at ``available_from``."""

    available_from: datetime
    points: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry as the member sees it.

    ``points``: signed effect on what the member owns (open + held - debt): an accrual is positive, a capture,
    an expiry and a minus are negative, a hold, its release and a settled debt are 0 (a release of points that
    have expired meanwhile is negative). A give-back is positive but for points that expired at once, a reversal
    negative but for points that had expired before. Over a whole history it sums to pending + available + held -
    debt.
    ``held``: signed effect on the points set aside. ``moved``: how many points the entry moved, unsigned.
    """

    seq: int
    kind: EntryKind
    at: datetime
    points: int
    held: int
    moved: int
    source_type: str | None
    source_id: str | None
    hold_id: UUID | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """``expiring`` by date, open ``holds`` by age, ``history`` newest first.

    ``account_id``: whose it is, after merges.
    """

    account_id: int
    balance: Balance
    expiring: tuple[ExpiringBatch, ...]
    holds: tuple[Hold, ...]
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold. ``account_id`` None: of the programme as a whole."""

    account_id: int | None
    violation: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at and what was wrong. A programme without accounts proves nothing: ``accounts`` is 0."""

    accounts: int
    entries: int
    cards: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """One account was merged into ``account_id``, by its entry ``seq`` and the other's last, ``source_seq``.

    ``open``, ``held`` and ``debt`` moved; before that ``reversed`` points of the second bonus were taken back.
    """

    account_id: int
    seq: int
    source_seq: int
    open: int
    held: int
    debt: int
    reversed: int
