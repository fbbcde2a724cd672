"""The earning rules of a programme in all their versions, and the engines compiled from them."""

from bisect import bisect_right
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pointbook.domain.programme_settings import SettingsVersion
from pointbook.domain.rules import Engine, RuleVersion, rules_in_force

_ENGINES: Final = 16
"""More than one while settings or rules change, and for orders of the past that are explained."""


class RuleBook:
    """Never changed: of other rules there is another book. Belongs to one event loop, or to one thread."""

    __slots__ = ("_engines", "_found", "_instants", "versions")

    def __init__(self, versions: tuple[RuleVersion, ...] = ()) -> None:
        self.versions = versions
        self._instants = sorted({version.effective_from for version in versions})
        self._engines: dict[tuple[int, int], Engine] = {}
        self._found: dict[tuple[str, int], RuleVersion] | None = None

    def edition(self, at: datetime) -> int:
        """A number of the set of rules that is in force; the same from one change to the next."""
        return bisect_right(self._instants, at)

    def engine(self, settings: SettingsVersion, zone: ZoneInfo, at: datetime) -> Engine:
        """The engine of these settings, one of the programme's versions, and the rules in force at an instant."""
        key = settings.version, self.edition(at)
        engine = self._engines.get(key)
        if engine is None:
            while len(self._engines) >= _ENGINES:
                del self._engines[next(iter(self._engines))]
            engine = Engine(settings.settings, rules_in_force(self.versions, at), zone)
            self._engines[key] = engine
        return engine

    def newest(self) -> dict[str, RuleVersion]:
        """Of each rule, deleted ones too, the version made last, by key, the oldest rule first."""
        newest: dict[str, RuleVersion] = {}
        for version in self.versions:
            known = newest.get(version.key)
            if known is None or known.version < version.version:
                newest[version.key] = version
        return newest

    def find(self, key: str, version: int | None) -> RuleVersion | None:
        """A version of a rule; with ``version`` None it is not the rules' but the settings', and there is none."""
        if self._found is None:
            self._found = {(each.key, each.version): each for each in self.versions}
        return None if version is None else self._found.get((key, version))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, RuleBook) and self.versions == other.versions)

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def __reduce__(self) -> tuple[Any, ...]:
        """Engines are compiled again where the book is read."""
        return RuleBook, (self.versions,)
