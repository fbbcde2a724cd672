"""Adjustments as the staff look at them, and what a history says of its entries. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pointbook.db.queries import adjustments as rows
from pointbook.db.queries.adjustments import Criteria, Place
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.services.installation import Installation

__all__ = ["Adjustment", "Place", "Wanted", "adjustment_of", "list_adjustments", "of_entries"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A manual plus or minus: the entry ``seq`` of ``account``. ``customers``: the shop's ids of its member.

    ``made_by``: the identity of a key, ``label`` what that is called, or the operator.
    """

    id: UUID
    place: Place
    account: UUID
    entry_account: UUID
    customers: tuple[str, ...]
    seq: int
    points: int
    description: str
    internal_note: str | None
    made_by: str
    label: str | None
    undoes: UUID | None
    undone_by: UUID | None

    @property
    def at(self) -> datetime:
        return self.place.at


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which adjustments: all that is given has to hold. ``customer`` is the shop's id; ``made_to`` is too late."""

    customer: str | None = None
    made_from: datetime | None = None
    made_to: datetime | None = None


async def list_adjustments(
    installation: Installation, programme_id: int, wanted: Wanted, *, before: Place | None = None, most: int
) -> list[Adjustment]:
    """The newest first. Raises InvalidInput."""
    text.optional_identifier("filter.customerExternalId", wanted.customer)
    if wanted.made_from and wanted.made_to and wanted.made_to <= wanted.made_from:
        raise InvalidInput("filter.to", "must be after from")
    account_id = None
    if wanted.customer is not None:
        account = await installation.accounts.find(programme_id, wanted.customer)
        if account is None:
            return []
        account_id = account.account_id
    criteria = Criteria(account_id, wanted.made_from, wanted.made_to)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_adjustments(connection, programme_id, criteria, before=before, most=most)
    return [adjustment_of(row) for row in found]


async def of_entries(
    installation: Installation, programme_id: int, account_id: int, seqs: Sequence[int]
) -> dict[int, Adjustment]:
    """What is known of some entries of an account, by their numbers; asked of a page at a time."""
    if not seqs:
        return {}
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.of_entries(connection, programme_id, account_id, seqs)
    return {row["seq"]: adjustment_of(row) for row in found}


def adjustment_of(row: Mapping[str, Any]) -> Adjustment:
    """The adjustment of a row of ``db.queries.adjustments``."""
    return Adjustment(
        id=row["public_id"],
        place=Place(row["at"], row["id"]),
        account=row["account"],
        entry_account=row["entry_account"],
        customers=tuple(row["customers"]),
        seq=row["seq"],
        points=row["points"],
        description=row["description"],
        internal_note=row["internal_note"],
        made_by=row["made_by"],
        label=row["label"],
        undoes=row["undoes_id"],
        undone_by=row["undone_by"],
    )
