"""Random histories of one account: what is done, and when.

A history is a list of steps that Hypothesis draws, so a failure shrinks. Instants lie on a grid of five minutes,
so that lapses, expiries, new availability and commands often meet at one instant; some steps come a microsecond
before it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from hypothesis import strategies as st

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(minutes=5)
WINDOW = 4 * TICK  # what counts as expiring soon
STEPS = 50
Mix: TypeAlias = Literal["general", "debt", "returns", "spending", "merging", "leaving", "clock set back"]


@dataclass(frozen=True, slots=True)
class LotPlan:
    """Instants in ticks after the step; ``life`` None is a lot that never expires."""

    points: int
    value: Decimal
    wait: int
    life: int | None


@dataclass(frozen=True, slots=True)
class Rest:
    """Only time passes."""


@dataclass(frozen=True, slots=True)
class Earn:
    lots: tuple[LotPlan, ...]


@dataclass(frozen=True, slots=True)
class HoldCart:
    cart: int
    points: int | None
    limit: int
    minimum: int
    point_value: Decimal | None
    lifetime: int


@dataclass(frozen=True, slots=True)
class Extend:
    """``hold`` counts back from the newest hold that stands, in each of these."""

    hold: int
    lifetime: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Release:
    hold: int


@dataclass(frozen=True, slots=True)
class Capture:
    """``percent`` of the hold's value, None for all of it. ``order`` None is an order of its own.

    Not ``keyed``: as an order's report captures, which the order itself makes harmless to repeat.
    """

    hold: int
    percent: int | None
    order: int | None
    keyed: bool


@dataclass(frozen=True, slots=True)
class CaptureLate:
    """A purchase with a hold that has ended: reported late, or again after the one before was given back."""

    hold: int
    percent: int | None
    may_owe: bool


@dataclass(frozen=True, slots=True)
class Return:
    """A return of something paid with a captured hold, something that earned, or both.

    ``hold`` and ``accrual`` count back from the newest (None: not this part), ``give`` and ``take`` are percent of
    what is left of them. ``grace`` in ticks after the step. ``document`` None is a return of its own.
    """

    hold: int | None
    give: int
    grace: int | None
    accrual: int | None
    take: int
    policy: str
    document: int | None
    keyed: bool


@dataclass(frozen=True, slots=True)
class Spend:
    points: int


@dataclass(frozen=True, slots=True)
class Unspend:
    """``spend`` counts back from the newest. ``grace`` in ticks after the step."""

    spend: int
    grace: int | None


@dataclass(frozen=True, slots=True)
class Adjust:
    points: int
    lot: LotPlan
    allow_negative: bool


@dataclass(frozen=True, slots=True)
class Restrict:
    may_earn: bool
    may_spend: bool


@dataclass(frozen=True, slots=True)
class SignUp:
    lot: LotPlan


@dataclass(frozen=True, slots=True)
class Merge:
    """Another account, ``age`` ticks old, that did all of this at once, is merged into the one that is told of.

    It bought for ``bought`` points, holds ``held`` for a cart and owes ``owed``; None and 0: not.
    """

    age: int
    lots: tuple[LotPlan, ...]
    bonus: LotPlan | None
    bought: int | None
    held: HoldCart | None
    owed: int
    may_earn: bool
    may_spend: bool
    single_bonus: bool


@dataclass(frozen=True, slots=True)
class Forfeit:
    """The member leaves; what comes after is refused."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier step sent again with its idempotency key, with another input or the same."""

    back: int
    altered: bool


Command: TypeAlias = (
    Rest
    | Earn
    | HoldCart
    | Extend
    | Release
    | Capture
    | CaptureLate
    | Return
    | Spend
    | Unspend
    | Adjust
    | Restrict
    | Forfeit
    | SignUp
    | Merge
    | Repeat
)


@dataclass(frozen=True, slots=True)
class Step:
    ticks: int
    just_before: bool
    command: Command
    book: bool  # the mode that catches up at random does it here
    look: int  # ticks from now at which a balance is compared
    behind: int  # ticks by which the caller's clock is behind those of the callers before


# --- drawing ------------------------------------------------------------------------------------

_values = st.sampled_from([Decimal(5), Decimal("0.5"), Decimal("0.3333"), Decimal("12.5"), Decimal(4)])
_points = st.integers(1, 60)
_back = st.integers(0, 3)
_lifetimes = st.sampled_from([3, 3, 3, 4, 2])


def _lots(waits: list[int], lives: list[int | None]) -> st.SearchStrategy[LotPlan]:
    return st.builds(LotPlan, _points, _values, st.sampled_from(waits), st.sampled_from(lives))


_holds = st.builds(
    HoldCart,
    cart=st.integers(0, 2),
    points=st.none() | _points,
    limit=st.sampled_from([10_000, 10_000, 10_000, 150, 37]),
    minimum=st.sampled_from([0, 0, 0, 5]),
    point_value=st.sampled_from([None, None, None, Decimal(4), Decimal("0.7")]),
    lifetime=_lifetimes,
)
_extensions = st.builds(Extend, _back, _lifetimes, st.sampled_from([10, 10, 1, 0]))
_captures = st.builds(
    Capture,
    _back,
    st.sampled_from([None, None, 100, 120, 60, 30, 1]),
    st.sampled_from([None] * 4 + [1]),
    keyed=st.booleans(),
)
_late_captures = st.builds(
    CaptureLate, _back, st.sampled_from([None, None, 100, 60, 30]), st.sampled_from([True, True, False])
)
_spends = st.builds(Spend, _points)
_unspends = st.builds(Unspend, _back, st.sampled_from([None, 0, 2, 3, 6]))
_shares = st.sampled_from([100, 50, 30, 130, 100, 0, 10, 130])
_returns = st.builds(
    Return,
    hold=st.none() | _back,
    give=_shares,
    grace=st.sampled_from([None, 0, 2, 3, 6]),
    accrual=st.none() | st.integers(0, 8),
    take=_shares,
    policy=st.sampled_from(["ALLOW_NEGATIVE", "ALLOW_NEGATIVE", "WITHIN_BALANCE", "ONLY_PENDING"]),
    document=st.sampled_from([None] * 5 + [1]),
    keyed=st.booleans(),
)
_repeats = st.builds(Repeat, st.integers(1, 6), st.sampled_from([False, False, False, True]))
_restrictions = st.builds(Restrict, st.sampled_from([True, True, False]), st.sampled_from([True, True, False]))
_soon = _lots([0, 0, 0, 1, 3], [None, 2, 3, 4, 6, 12, 40])
_pending = _lots([0, 1, 2, 3, 3, 4, 6], [None, 1, 2, 3, 3, 4, 6])


_merges = st.builds(
    Merge,
    age=st.sampled_from([0, 0, 1, 3, 5]),
    lots=st.lists(_soon | _pending, min_size=1, max_size=2).map(tuple),
    bonus=st.none() | _soon | _pending,
    bought=st.none() | _points,
    held=st.none() | _holds,
    owed=st.sampled_from([0, 0, 0, 20, 70]),
    may_earn=st.sampled_from([True] * 9 + [False]),
    may_spend=st.sampled_from([True] * 9 + [False]),
    single_bonus=st.sampled_from([True, True, False]),
)


def _adjustments(least: int, most: int, *, negative: bool) -> st.SearchStrategy[Adjust]:
    points = st.integers(least, most).filter(bool)
    return st.builds(Adjust, points, _soon, st.just(value=True) if negative else st.booleans())


def _earnings(lots: st.SearchStrategy[LotPlan]) -> st.SearchStrategy[Earn]:
    return st.builds(Earn, st.lists(lots, min_size=1, max_size=2).map(tuple))


def _weighted(*choices: tuple[int, st.SearchStrategy[Command]]) -> st.SearchStrategy[Command]:
    table = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.sampled_from(range(len(table))).flatmap(table.__getitem__)


_rest: st.SearchStrategy[Command] = st.just(Rest())
_COMMANDS = {
    "general": _weighted(
        (3, _rest),
        (6, _earnings(_soon)),
        (8, _holds),
        (4, _extensions),
        (3, st.builds(Release, _back)),
        (5, _captures),
        (4, _returns),
        (3, _adjustments(-40, 40, negative=False)),
        (1, _restrictions | st.just(Restrict(may_earn=True, may_spend=True))),
        (3, _repeats),
    ),
    "debt": _weighted(
        (3, _rest),
        (9, _earnings(_pending)),
        (9, _holds),
        (2, _extensions),
        (3, st.builds(Release, _back)),
        (3, _captures),
        (3, _late_captures),
        (4, _returns),
        (4, _adjustments(-90, -1, negative=True)),
        (1, _adjustments(1, 40, negative=True)),
        (1, _repeats),
    ),
    "returns": _weighted(
        (2, _rest),
        (5, _earnings(_soon)),
        (4, _earnings(_pending)),
        (7, _holds),
        (8, _captures),
        (4, _late_captures),
        (14, _returns),
        (1, _adjustments(-60, 30, negative=True)),
        (1, _repeats),
    ),
    "spending": _weighted(
        (3, _rest),
        (6, _earnings(_soon)),
        (4, _earnings(_pending)),
        (4, _holds),
        (2, _captures),
        (10, _spends),
        (7, _unspends),
        (3, _adjustments(-60, 30, negative=True)),
        (1, _restrictions | st.just(Restrict(may_earn=True, may_spend=True))),
        (2, _repeats),
    ),
    "leaving": _weighted(
        (2, _rest),
        (9, _earnings(_soon)),
        (6, _earnings(_pending)),
        (9, _holds),
        (1, st.builds(Release, _back)),
        (4, _captures),
        (1, _late_captures),
        (4, _returns),
        (4, _spends),
        (2, _unspends),
        (4, _adjustments(-60, 30, negative=True)),
        (1, _restrictions | st.just(Restrict(may_earn=True, may_spend=True))),
        (2, _merges),
        (2, st.just(Forfeit())),
        (4, _repeats),
    ),
    "merging": _weighted(
        (3, _rest),
        (4, _earnings(_soon)),
        (3, _earnings(_pending)),
        (1, st.builds(SignUp, _soon)),
        (6, _holds),
        (1, _extensions),
        (2, st.builds(Release, _back)),
        (5, _captures),
        (3, _late_captures),
        (7, _returns),
        (2, _spends),
        (1, _unspends),
        (2, _adjustments(-90, 20, negative=True)),
        (1, st.just(Restrict(may_earn=True, may_spend=True))),
        (6, _merges),
        (1, _repeats),
    ),
}


def histories(mix: Mix) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        ticks=st.sampled_from([0, 0, 0, 0, 1, 1, 2]),
        just_before=st.sampled_from([False] * 9 + [True]),
        command=_COMMANDS["general" if mix == "clock set back" else mix],
        book=st.booleans(),
        look=st.integers(-12, 12),
        behind=st.sampled_from([0, 0, 0, 1, 4]) if mix == "clock set back" else st.just(0),
    )
    return st.lists(step, min_size=STEPS, max_size=STEPS)
