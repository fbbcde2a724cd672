"""What a programme earns by its settings alone (R2, R6, R11, R12): by the engine that judges earning rules too."""

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Engine

_UTC: Final = ZoneInfo("UTC")


def qualifies(status: str, settings: ProgrammeSettings) -> bool:
    """Whether an order of this status earns (R6)."""
    return status in settings.qualifying_statuses


@lru_cache(maxsize=1_024)
def engine_of(settings: ProgrammeSettings, zone: ZoneInfo = _UTC) -> Engine:
    """The engine of a programme without rules."""
    return Engine(settings, (), zone)
