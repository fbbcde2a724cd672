"""What a member may say of themselves."""

import re
from datetime import date
from typing import Final

from pointbook.domain.errors import InvalidInput

FIRST_BIRTHDAY: Final = date(1900, 1, 1)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def birthday(field: str, value: object, today: date) -> date | None:
    """A day from 1900 to ``today``, also as a text like 1990-02-28; None stays None. Raises InvalidInput.

    >>> birthday("birthday", "1990-02-28", date(2026, 3, 1)).isoformat()
    '1990-02-28'
    """
    if value is None:
        return None
    day = _day(field, value)
    if day > today:
        raise InvalidInput(field, "must not be in the future")
    if day < FIRST_BIRTHDAY:
        raise InvalidInput(field, f"must not be before {FIRST_BIRTHDAY.year}")
    return day


def _day(field: str, value: object) -> date:
    if type(value) is date:
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # a day that does not exist
    raise InvalidInput(field, "must be a day like 1990-02-28")
