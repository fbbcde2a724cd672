"""Where and when rules give points (R7), from the other side: which rules a store, a channel, a day admits.

A set of rules is a whole number with a bit for the place of each, so that the conditions of a thousand rules are
tested by a few ANDs and not one by one.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import accumulate
from operator import xor
from typing import Final, NamedTuple, TypeAlias

from pointbook.domain.rules.occasion import Occasion, Why
from pointbook.domain.rules.rule import Chosen, Rule, Weekday

Places: TypeAlias = int
"""A set of rules: bit n stands for the rule of place n."""
NO_PLACES: Final = 0


class Conditions(NamedTuple):
    """Where and when a rule gives points; by default everywhere, always."""

    stores: Chosen = None
    entry_channels: Chosen = None
    exit_channels: Chosen = None
    valid_from: date | None = None
    valid_until: date | None = None
    weekdays: tuple[Weekday, ...] = ()
    holidays: Chosen = ()

    @classmethod
    def of(cls, rule: Rule) -> "Conditions":
        return cls(*(getattr(rule, name) for name in cls._fields))

    @property
    def any_day(self) -> bool:
        """Nothing chosen means every day."""
        return not self.weekdays and self.holidays == ()


UNCONDITIONAL: Final = Conditions()


def places_of(places: Iterable[int]) -> Places:
    """The set of rules with these places, each named once.

    >>> bin(places_of([0, 3]))
    '0b1001'
    """
    return sum(1 << place for place in places)


class Admission:
    """The conditions of many rules, by their places."""

    def __init__(self, conditions: Mapping[int, Conditions]) -> None:
        self._all = places_of(conditions)
        self._unconditional = all(each == UNCONDITIONAL for each in conditions.values())
        self._stores = _Names((place, each.stores) for place, each in conditions.items())
        self._entry_channels = _Names((place, each.entry_channels) for place, each in conditions.items())
        self._exit_channels = _Names((place, each.exit_channels) for place, each in conditions.items())
        self._periods = _Periods(conditions)
        self._days = _Days(conditions)

    def admitted(self, occasion: Occasion) -> Places:
        """The rules all of whose conditions hold."""
        places = self._all
        for _, admitted in self._tests(occasion):
            places &= admitted
        return places

    def why_not(self, place: int, occasion: Occasion) -> Why | None:
        """Which condition of a rule fails first; None: none."""
        return next((why for why, admitted in self._tests(occasion) if not admitted >> place & 1), None)

    def _tests(self, occasion: Occasion) -> tuple[tuple[Why, Places], ...]:
        """An order without a store or channel is admitted only by rules for all of them."""
        if self._unconditional:
            return ()
        return (
            (Why.STORE, self._stores.admit(occasion.store)),
            (Why.ENTRY_CHANNEL, self._entry_channels.admit(occasion.entry_channel)),
            (Why.EXIT_CHANNEL, self._exit_channels.admit(occasion.exit_channel)),
            (Why.PERIOD, self._periods.admit(occasion.day)),
            (Why.DAY, self._days.admit(occasion.day, occasion.holidays)),
        )


class _Names:
    """The rules for a store, channel or holiday: those that name it and those for all."""

    def __init__(self, chosen: Iterable[tuple[int, Chosen]]) -> None:
        alike: dict[Chosen, list[int]] = defaultdict(list)
        for place, names in chosen:
            alike[names].append(place)
        self._for_all = places_of(alike.pop(None, ()))
        self._by_name: dict[str | None, Places] = {}
        for names, places in alike.items():
            naming = places_of(places)
            for name in names or ():
                self._by_name[name] = self._by_name.get(name, self._for_all) | naming

    def admit(self, name: str | None) -> Places:
        return self._by_name.get(name, self._for_all)


class _Periods:
    """The rules of a day, from one first or last day of any to the next."""

    def __init__(self, conditions: Mapping[int, Conditions]) -> None:
        turns: dict[date, Places] = defaultdict(int)
        for place, each in conditions.items():
            turns[each.valid_from or date.min] ^= 1 << place
            if each.valid_until is not None and each.valid_until < date.max:
                turns[each.valid_until + timedelta(days=1)] ^= 1 << place
        self._starts = sorted(turns)
        self._admitted = list(accumulate((turns[start] for start in self._starts), xor, initial=0))

    def admit(self, day: date) -> Places:
        return self._admitted[bisect_right(self._starts, day)]


class _Days:
    """The rules of a day by its weekday or, if it is one, its holiday."""

    def __init__(self, conditions: Mapping[int, Conditions]) -> None:
        self._of_weekdays = [
            places_of(p for p, each in conditions.items() if each.any_day or weekday in each.weekdays)
            for weekday in Weekday
        ]
        self._of_holidays = _Names((place, each.holidays) for place, each in conditions.items())

    def admit(self, day: date, holidays: frozenset[str]) -> Places:
        places = self._of_weekdays[day.weekday()]
        for holiday in holidays:
            places |= self._of_holidays.admit(holiday)
        return places
