"""All that is kept of one member, as they may ask for it: page by page, in the shapes of the programme's export.

What only the staff see is left out: notes of theirs, and by which rules points were judged. A page is a short
read: no connection waits for whoever reads slowly, and the limits of every request hold. A page begins behind the
last record of the one before, so what is written in between makes none come twice or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from pointbook import ledger
from pointbook.db.queries import erasure
from pointbook.db.session import Connection
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_kinds import KINDS
from pointbook.services.export_shapes import Key, Kind, key_of, line_of, money_of, written
from pointbook.services.installation import Installation

FORMAT: Final = 1
RECORDS: Final = 100
"""On a page."""

_TOLD: Final = (
    *("member", "lot", "hold", "entry", "adjustment", "order", "orderOccurrence", "return", "booking"),
    *("bookingOccurrence", "giftCard", "exchangeOrder", "mergeRequest"),
)
_HIDDEN: Final = frozenset(
    {
        *("judgement", "signUpJudgement", "settingsVersion", "internalNote", "madeBy", "decidedBy"),
        "source",  # of a merge request: whether there is an account of the address is told to nobody (R33)
    }
)
# Of a merge request also the address, which is erased if its member leaves: that would tell so.
_HIDDEN_OF: Final = {"mergeRequest": frozenset({"email"})}
_KINDS: Final[Sequence[Kind]] = [next(kind for kind in KINDS if kind.type == name) for name in _TOLD]


class Place(NamedTuple):
    """Where the next page begins: with which type of records, behind the one of this key; without one, all."""

    kind: int
    behind: Key = ()

    @property
    def is_one(self) -> bool:
        """Whether there may be such a place: a cursor says what its sender likes."""
        known = type(self.kind) is int and 0 <= self.kind < len(_KINDS)
        return known and (not self.behind or _KINDS[self.kind].is_key(self.behind))


@dataclass(frozen=True, slots=True)
class Page:
    """``records`` as JSON values; ``following`` None: it is the last page."""

    records: list[dict[str, Any]]
    following: Place | None


async def page(
    installation: Installation, programme_id: int, external_id: str, *, after: Place | None, now: datetime
) -> Page:
    """What follows a place; None: the first page, which begins with the balance. Raises NotAMember."""
    programme = await installation.programmes.get(programme_id)
    account = await installation.accounts.get(programme_id, external_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        person = await erasure.person_of(connection, programme_id, account.account_id)
        place = after or Place(0)
        records = [] if after else [await _head(connection, programme, account.account_id, now)]
        while place.kind < len(_KINDS) and len(records) < RECORDS:
            kind, room = _KINDS[place.kind], RECORDS - len(records)
            statement = kind.page_of_accounts(behind=bool(place.behind))
            rows = await connection.fetch(statement, programme_id, list(person.accounts), room, *place.behind)
            records += [_record(kind, row, programme) for row in rows]
            place = Place(place.kind + 1) if len(rows) < room else Place(place.kind, key_of(rows[-1]))
    return Page(records, None if place.kind == len(_KINDS) else place)


async def _head(
    connection: Connection, programme: ProgrammeSnapshot, account_id: int, now: datetime
) -> dict[str, Any]:
    balance = await ledger.balance(connection, programme.id, account_id, as_of=now, now=now)
    line = {
        "type": "export",
        "format": FORMAT,
        "programme": programme.name,
        "exportedAt": now,
        "available": balance.available,
        "pending": balance.pending,
        "held": balance.held,
        "debt": balance.debt,
        "value": balance.value,
        "currency": programme.currency,
    }
    money_of("value")(line, programme)
    return _plain(written(line))


def _record(kind: Kind, row: Any, programme: ProgrammeSnapshot) -> dict[str, Any]:
    line = line_of(kind, row, programme)
    hidden = _HIDDEN | _HIDDEN_OF.get(kind.type, frozenset())
    return _plain(written({name: value for name, value in line.items() if name not in hidden}))


def _plain(line: bytes) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(line)
    return record
