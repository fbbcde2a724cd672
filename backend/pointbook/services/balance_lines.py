"""A lot in a file of balances: what its line says, as what it is credited, and whether it was credited before.

A line of JSON, or a row of CSV with columns of the same names:

- ``customerExternalId``: a member; import those first. ``points``: a whole number, at least 1.
- ``id``: names the lot in the other system; without one it is the customer's id. A lot is credited once by it.
- ``availableFrom``, ``expiresAt``: instants, or days of the programme's time zone, from the beginning of the one
  through the end of the other. By default points are available now and end as those earned now would;
  ``expiresAt`` may be ``never``.
- ``valuePerPoint``: in the currency's main unit; by default the programme's of now.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain import calendar, values
from pointbook.domain.errors import InvalidInput
from pointbook.domain.reading import instant, object_of
from pointbook.domain.redemption import MAX_POINTS
from pointbook.domain.text import identifier, optional_identifier
from pointbook.ledger import NewLot
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.line_imports import KEY

COLUMNS: Final = frozenset({"customerExternalId", KEY, "points", "availableFrom", "expiresAt", "valuePerPoint"})
_NEVER: Final = "never"
_FIRST_YEAR: Final = 1970
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE: Final = re.compile(r"[0-9]{1,16}")
_value_per_point: Final = values.rate(1)


class BalanceLine(NamedTuple):
    """``line`` of the file. What it does not say is None; ``value_per_point`` in minor units."""

    line: int
    id: str
    customer: str
    points: int
    available_from: datetime | None
    expires_at: datetime | None
    never_expires: bool
    value_per_point: Decimal | None


def balance_line(line: int, raw: object, programme: ProgrammeSnapshot) -> BalanceLine:
    """Raises InvalidInput naming the field."""
    get = object_of("" if isinstance(raw, Mapping) else "balance", raw, COLUMNS).get
    customer, expires, value = identifier("customerExternalId", get("customerExternalId")), get("expiresAt"), None
    if get("valuePerPoint") is not None:
        value = _value_per_point("valuePerPoint", get("valuePerPoint"), programme.currency)
    zone = programme.zone
    return BalanceLine(
        line=line,
        id=optional_identifier(KEY, get(KEY)) or customer,
        customer=customer,
        points=_points(get("points")),
        available_from=_moment("availableFrom", get("availableFrom"), zone, through=False),
        expires_at=None if expires == _NEVER else _moment("expiresAt", expires, zone, through=True),
        never_expires=expires == _NEVER,
        value_per_point=value,
    )


def lot_of(balance: BalanceLine, programme: ProgrammeSnapshot, now: datetime) -> NewLot:
    """The points as they are credited now. Raises InvalidInput for those that nobody could spend."""
    version = programme.version_at(now)
    settings = version.settings
    available, expires = balance.available_from or now, balance.expires_at
    if expires is None and not balance.never_expires:
        counts_from = settings.expiry_counts_from
        expires = calendar.expires_at(now, available, settings.expiry, counts_from, programme.zone)
    if expires is not None and expires <= max(available, now):
        raise InvalidInput("expiresAt", "has passed" if expires <= now else "must be after availableFrom")
    value = settings.value_per_point if balance.value_per_point is None else balance.value_per_point
    return NewLot(balance.points, value, available, expires, version.version)


def check_same(balance: BalanceLine, credited: Mapping[str, Any]) -> None:
    """Raises InvalidInput when the lot was credited as something else than the line says."""
    if not credited["same_customer"]:
        raise InvalidInput("customerExternalId", "is not the member to whom the lot was credited")
    says_expiry = balance.expires_at is not None or balance.never_expires
    differs = {
        "points": balance.points != credited["granted"],
        "availableFrom": balance.available_from not in (None, credited["available_from"]),
        "expiresAt": says_expiry and balance.expires_at != credited["expires_at"],
        "valuePerPoint": balance.value_per_point not in (None, credited["value_per_point"]),
    }
    for field, is_other in differs.items():
        if is_other:
            raise InvalidInput(field, "differs from what the lot was credited with; it stays as it is")


def _points(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_POINTS:
        reason = "is required" if value is None else f"must be a whole number from 1 to {MAX_POINTS}"
        raise InvalidInput("points", reason)
    return value


def _moment(field: str, value: object, zone: ZoneInfo, *, through: bool) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        try:
            return instant(field, value)
        except InvalidInput:
            or_never = f", or {_NEVER}" if through else ""
            reason = f"must be a day like 2026-12-31, an instant like 2026-12-31T10:00:00Z{or_never}"
            raise InvalidInput(field, reason) from None
    day = values.day(field, value)
    if day.year < _FIRST_YEAR:
        raise InvalidInput(field, f"must not be before {_FIRST_YEAR}")
    return calendar.end_of_local_day(day, zone) if through else calendar.local_instant(day, time(), zone)
