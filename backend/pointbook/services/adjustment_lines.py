"""An adjustment in a file: what its line says.

A line of JSON, or a row of CSV with columns of the same names:

- ``id``: names the adjustment; one is made once by it, whatever file it stands in.
- ``customerExternalId``: a member. ``points``: a whole number, below zero to take.
- ``description``: what the member is told. ``internalNote``: what only the staff see, may be missing.
- ``expiresOn``: of a plus, the last local day; by default as points that are earned now.
"""

import re
from collections.abc import Mapping
from dataclasses import astuple
from typing import Final, NamedTuple

from pointbook.domain import adjustments, values
from pointbook.domain.errors import InvalidInput
from pointbook.domain.reading import object_of
from pointbook.domain.text import identifier
from pointbook.ledger import Request
from pointbook.services.adjusting import Decided
from pointbook.services.audit import OPERATOR
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Secrets
from pointbook.services.line_imports import KEY
from pointbook.services.requests import keyed

COLUMNS: Final = frozenset({KEY, "customerExternalId", "points", "description", "internalNote", "expiresOn"})
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,16}")


class AdjustmentLine(NamedTuple):
    """``line`` of the file."""

    line: int
    id: str
    customer: str
    decided: Decided


def adjustment_line(secrets: Secrets, line: int, raw: object, programme: ProgrammeSnapshot) -> AdjustmentLine:
    """Raises InvalidInput naming the field."""
    get = object_of("" if isinstance(raw, Mapping) else "adjustment", raw, COLUMNS).get
    key, customer = identifier(KEY, get(KEY)), identifier("customerExternalId", get("customerExternalId"))
    terms = adjustments.terms(
        _points(get("points")),
        get("description"),
        get("internalNote"),
        expires_on=values.optional_day("expiresOn", get("expiresOn"), ""),
    )
    plain = Request.of(OPERATOR, "importAdjustments", key, customer, *astuple(terms))
    request = keyed(secrets, programme.id, plain)
    return AdjustmentLine(
        line, key, customer, Decided(terms, allow_negative=False, request=request, made_by=OPERATOR)
    )


def _points(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput("points", "is required" if value is None else "must be a whole number")
    return value
