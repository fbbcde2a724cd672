"""A type of lines in an export, and the shapes that turn what the database keeps into what a line says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from pointbook.domain import currencies
from pointbook.domain.money import format_scaled
from pointbook.domain.values import write_rate
from pointbook.services.directory import ProgrammeSnapshot

Line = dict[str, Any]
Key = tuple[int | str, ...]
"""What names a line among those of its type."""
_KEY: Final = "page_key_"
_BIGINTS: Final = 2**63
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
    def keys(self) -> list[str]:
        """The columns by which lines are in order, which name a line."""
        return self.statement.rpartition(" order by ")[2].strip().split(", ")

    def is_key(self, key: Key) -> bool:
        """Whether these may be values of the keys: ids of the shop's are texts, others are numbers."""
        return len(key) == len(self.keys) and all(map(_may_be, self.keys, key))

    def page_of_accounts(self, *, behind: bool) -> str:
        """The statement for the accounts $2, at most $3 lines; ``behind`` the line whose keys are $4 and so on.

        Each row has its own keys, too, for ``key_of``.
        """
        assert self.own is not None, "members are told lines of this type"
        chosen, _, order = self.statement.rpartition(" order by ")
        named = ", ".join(f"{column} as {_KEY}{place}" for place, column in enumerate(self.keys))
        begin = f" and ({', '.join(self.keys)}) > ({', '.join(self._parameters)})" if behind else ""
        page = chosen.replace("select", f"select {named},", 1)
        return f"{page} and {self.own}{begin} order by {order} limit $3"

    @property
    def _parameters(self) -> list[str]:
        types = ("text" if _is_text(column) else "bigint" for column in self.keys)
        return [f"${number}::{name}" for number, name in enumerate(types, start=4)]


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
    """What a row of one of the kind's statements tells."""
    told = {_camel(name): value for name, value in row.items() if not name.startswith(_KEY)}
    line: Line = {"type": kind.type, **told}
    kind.shape(line, programme)
    return line


def _is_text(column: str) -> bool:
    return column.endswith("external_id")


def _may_be(column: str, value: object) -> bool:
    if _is_text(column):
        return isinstance(value, str) and "\0" not in value
    return type(value) is int and 0 <= value < _BIGINTS


def key_of(row: Mapping[str, Any]) -> Key:
    """What names a row of a page."""
    return tuple(value for name, value in row.items() if name.startswith(_KEY))


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
