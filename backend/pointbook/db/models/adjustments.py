"""What staff said of the points they gave and took by hand."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points


class Adjustment(Base):
    """A plus or a minus: the words of the entry (account_id, seq), for the ledger keeps none.

    After a merge the row is the target's, ``account_id``, and ``entry_account_id`` the account whose entry it is.
    The member sees ``description``; an erasure empties it and ``internal_note``. ``undoes`` is the adjustment that
    this one takes back. ``request`` names the call that made it, ``request_input`` what it said: a call that is
    repeated is answered from here.
    """

    __tablename__ = "adjustment"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        ForeignKeyConstraint(["programme_id", "undoes"], ["adjustment.programme_id", "adjustment.id"]),
        UniqueConstraint("programme_id", "public_id"),
        Index(
            "adjustment_of_entry",
            "programme_id",
            text("coalesce(entry_account_id, account_id)"),
            "seq",
            unique=True,
        ),
        UniqueConstraint("programme_id", "request"),
        CheckConstraint("points <> 0 and abs(points) <= 1000000", name="points"),
        CheckConstraint("char_length(description) <= 200 and char_length(internal_note) <= 1000", name="texts"),
        Index("adjustment_undone", "programme_id", "undoes", unique=True, postgresql_where="undoes is not null"),
        Index(None, "programme_id", "at", "id"),
        Index(None, "programme_id", "account_id", "at", "id"),
    )

    # No foreign key to the programme: the member leads there.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    public_id: Mapped[UUID]
    account_id: Mapped[BigId]
    entry_account_id: Mapped[BigId | None]
    seq: Mapped[BigId]
    at: Mapped[datetime]
    points: Mapped[Points]
    description: Mapped[str]
    internal_note: Mapped[str | None]
    made_by: Mapped[str]
    undoes: Mapped[BigId | None]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    request_input: Mapped[bytes] = mapped_column(LargeBinary)
