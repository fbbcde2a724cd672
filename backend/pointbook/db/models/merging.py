"""Requests of members to merge another account into theirs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class MergeRequest(Base):
    """The member ``account_id``, whose account goes on, asks for the account of whoever has ``email``.

    Written whether or not anybody has the address; ``source_account_id`` is known only once it is proved. An
    erasure empties ``email`` and ``reason``. ``token_digest`` is of the one-time link; an open request has expired
    at ``expires_at``, which nobody has to write. ``request`` and ``request_input`` make the call idempotent.
    """

    __tablename__ = "merge_request"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        ForeignKeyConstraint(["programme_id", "source_account_id"], ["member.programme_id", "member.account_id"]),
        UniqueConstraint("programme_id", "public_id"),
        UniqueConstraint("programme_id", "request"),
        CheckConstraint(one_of("state", "REQUESTED", "VERIFIED", "MERGED", "REJECTED", "CANCELLED"), name="state"),
        CheckConstraint("state not in ('VERIFIED', 'MERGED') or source_account_id is not null", name="source"),
        CheckConstraint("(verified_at is null) = (source_account_id is null)", name="verified"),
        CheckConstraint(
            "(decided_at is not null) = (state in ('MERGED', 'REJECTED', 'CANCELLED'))", name="decided"
        ),
        CheckConstraint("char_length(reason) <= 500 and (reason is null or state = 'REJECTED')", name="reason"),
        Index(None, "programme_id", "account_id", "id"),
        Index(None, "programme_id", "email", "requested_at", postgresql_where="email is not null"),
        Index(None, "programme_id", "state", "requested_at", "id"),
    )

    # No foreign key to the programme: the member leads there.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    public_id: Mapped[UUID]
    account_id: Mapped[BigId]
    email: Mapped[str | None]
    source_account_id: Mapped[BigId | None]
    token_digest: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(server_default="REQUESTED")
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    request_input: Mapped[bytes] = mapped_column(LargeBinary)


class MergeAddress(Base):
    """When requests named the address whose keyed hash this is, so that nobody's mailbox is flooded.

    The same for an address that nobody has. It is kept for a day, then until somebody asks for an account again.
    """

    __tablename__ = "merge_address"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    email_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    named_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
