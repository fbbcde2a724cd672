"""A type of lines in an export, and the shapes that turn what the database keeps into what a line says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from pointbook.domain import currencies
from pointbook.domain.money import format_scaled
from pointbook.domain.values import write_rate
from pointbook.services.directory import ProgrammeSnapshot

Line = dict[str, Any]
Shape = Callable[[Line, ProgrammeSnapshot], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """Lines of one type: the ``statement`` names their fields, ``shape`` turns what the database keeps into them.

    ``tables`` are those that it tells of; ``own`` is the condition for those of the accounts ``$2``, by an index.
    """

    type: str
    tables: tuple[str, ...]
    statement: str
    shape: Shape = lambda _line, _programme: None
    own: str | None = None

    @property
    def page_of_accounts(self) -> str:
        """The statement for the accounts $2, behind $3 lines, at most $4."""
        assert self.own is not None, "members are told lines of this type"
        chosen, _, order = self.statement.rpartition(" order by ")
        return f"{chosen} and {self.own} order by {order} offset $3 limit $4"


def ids_of(*fields: str) -> Shape:
    """Ids as the API writes them."""

    def shape(line: Line, _programme: ProgrammeSnapshot) -> None:
        for field in fields:
            value = line[field]
            line[field] = value.hex if isinstance(value, UUID) else value

    return shape


def json_of(*fields: str) -> Shape:
    def shape(line: Line, _programme: ProgrammeSnapshot) -> None:
        for field in fields:
            line[field] = None if line[field] is None else orjson.loads(line[field])

    return shape


def money_of(*fields: str) -> Shape:
    """Minor units of the line's own currency: the programme may have another one by now."""

    def shape(line: Line, _programme: ProgrammeSnapshot) -> None:
        places = currencies.exponent(line["currency"])
        for field in fields:
            line[field] = None if line[field] is None else format_scaled(line[field], places)

    return shape


def rate_of(*fields: str) -> Shape:
    """Exact minor units per point, of the line's own currency."""

    def shape(line: Line, _programme: ProgrammeSnapshot) -> None:
        for field in fields:
            line[field] = None if line[field] is None else write_rate(line[field], line["currency"])

    return shape


def all_of(*shapes: Shape) -> Shape:
    def shape(line: Line, programme: ProgrammeSnapshot) -> None:
        for one in shapes:
            one(line, programme)

    return shape


def line_of(kind: Kind, row: Mapping[str, Any], programme: ProgrammeSnapshot) -> Line:
    """What a row of the kind's statement tells."""
    line: Line = {"type": kind.type, **{_camel(name): value for name, value in row.items()}}
    kind.shape(line, programme)
    return line


def written(line: Line) -> bytes:
    """As JSON, ending in a line break; instants in UTC."""
    return orjson.dumps(line, default=_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"nothing of type {type(value).__name__} is exported")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
