"""When, where and how something is bought or somebody joins: all that conditions of rules are tested on.

Holidays reach the domain as dates with names. Who knows countries and calendars stands outside.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

NO_HOLIDAYS: Final[frozenset[str]] = frozenset()
Holidays: TypeAlias = Callable[[date], frozenset[str]]
"""The names of the holidays that a local date is, in one place."""


class Why(enum.StrEnum):
    """Why a rule gives nothing, or nothing for a line. The first five can be told without an order."""

    NO_STORE = "NO_STORE"
    INACTIVE = "INACTIVE"
    NOT_YET = "NOT_YET"
    ENDED = "ENDED"
    """Its period is over, or its points would end before they can be spent."""
    PROGRAMME_STOPPED = "PROGRAMME_STOPPED"
    STORE_OFF = "STORE_OFF"
    """The store is switched off: no rule earns there."""
    STORE = "STORE"
    ENTRY_CHANNEL = "ENTRY_CHANNEL"
    EXIT_CHANNEL = "EXIT_CHANNEL"
    PERIOD = "PERIOD"
    DAY = "DAY"
    NO_TARGET = "NO_TARGET"
    """Nothing here is what the rule is for."""
    NOT_EARNING = "NOT_EARNING"
    """The shop says that the line earns nothing."""
    NO_UNITS = "NO_UNITS"
    """A quantity of 0."""
    MENU = "MENU"
    SHOP_VOUCHER = "SHOP_VOUCHER"
    NOTHING_LEFT = "NOTHING_LEFT"
    """Everything was returned."""


class Occasion(NamedTuple):
    """``day`` is the local date in the store's zone, or in the programme's without a store."""

    day: date
    store: str | None = None
    entry_channel: str | None = None
    exit_channel: str | None = None
    holidays: frozenset[str] = NO_HOLIDAYS
    """What ``day`` is called in the store, if it is a holiday."""
    earned_at: datetime | None = None
    """When the points would be granted; None: whether they would have ended is not asked."""
    closed: Why | None = None
    """PROGRAMME_STOPPED or STORE_OFF: nothing is earned."""
    available_from: datetime | None = None
    """When the points could be spent, if that is not for the waiting time to say."""


def no_holidays(_day: date) -> frozenset[str]:
    """A place without holidays."""
    return NO_HOLIDAYS


@dataclass(frozen=True, slots=True)
class Place:
    """A store, or (``store`` None) the programme itself where an order names no store."""

    store: str | None
    zone: ZoneInfo
    holidays: Holidays = no_holidays

    def occasion(
        self,
        at: datetime,
        *,
        entry_channel: str | None = None,
        exit_channel: str | None = None,
        earned_at: datetime | None = None,
        closed: Why | None = None,
    ) -> Occasion:
        """What happens here at an instant (``at``: an order's ``placedAt``, or when somebody joins)."""
        day = at.astimezone(self.zone).date()
        return Occasion(day, self.store, entry_channel, exit_channel, self.holidays(day), earned_at, closed)
