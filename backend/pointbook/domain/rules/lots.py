"""Which points of an order belong together: those that become available and end at the same time."""

from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.calendar import Expiry, Lifetime, WaitingTime, lifetime
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.rule import Rule

_NO_WAIT: Final = WaitingTime(0)


class Lot(NamedTuple):
    """How points of a rule become available and end, where that differs from the programme's other points."""

    available_at_once: bool = False
    """They skip the waiting time; False also if there is none."""
    expiry: Expiry | None = None
    """None: as the settings say; also if the rule says the same."""

    @classmethod
    def of(cls, rule: Rule, settings: ProgrammeSettings) -> "Lot":
        return cls.like(settings, at_once=rule.available_at_once, expiry=rule.expiry)

    @classmethod
    def like(cls, settings: ProgrammeSettings, *, at_once: bool, expiry: Expiry | None) -> "Lot":
        return cls(
            at_once and settings.waiting_time.count > 0,
            None if expiry == settings.expiry else expiry,
        )

    def may_be_over(self, settings: ProgrammeSettings) -> bool:
        """Whether the points may end before they can be spent: on a fixed date, or sooner than the wait ends."""
        expiry = self.expiry or settings.expiry
        if expiry.days is None:
            return expiry.on is not None
        return not self.available_at_once and settings.waiting_time.hours >= expiry.days * 24


STANDARD_LOT: Final = Lot()


def lot_lifetime(settings: ProgrammeSettings, lot: Lot, earned_at: datetime, zone: ZoneInfo) -> Lifetime | None:
    """From when until when such points earned at an instant can be spent; None: never, so none are given.

    ``zone`` is the programme's.
    """
    waiting = _NO_WAIT if lot.available_at_once else settings.waiting_time
    return lifetime(earned_at, waiting, lot.expiry or settings.expiry, settings.expiry_counts_from, zone)


def lot_lifetime_from(
    settings: ProgrammeSettings, lot: Lot, available_from: datetime, zone: ZoneInfo
) -> Lifetime | None:
    """The same for points that can be spent from a given instant on, from which their expiry counts too (R13)."""
    return lifetime(available_from, _NO_WAIT, lot.expiry or settings.expiry, settings.expiry_counts_from, zone)


def lot_order(lot: Lot) -> tuple[bool, bool, int, str]:
    """The programme's usual lot first, then any fixed order."""
    expiry = lot.expiry or Expiry()
    on = "" if expiry.on is None else expiry.on.isoformat()
    return lot.expiry is not None, lot.available_at_once, expiry.days or 0, on
