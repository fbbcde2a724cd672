"""Bookings as the booking site reported them, and what they had as effect."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points, one_of


class Booking(Base):
    """A booking by the site's id, as it stands.

    ``status`` is the site's, ``status_at`` when it said so; ``booked_at`` is what rules test their conditions on.
    ``state``: what has become of it. ``occurrence`` counts the times that it was judged; 0: not yet. The address
    waits in ``customer_email`` while the booking is parked.
    """

    __tablename__ = "booking"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        ForeignKeyConstraint(["programme_id", "store_id"], ["store.programme_id", "store.store_id"]),
        CheckConstraint(one_of("status", "BOOKED", "COMPLETED", "CANCELLED", "NO_SHOW"), name="status"),
        CheckConstraint(one_of("state", "RECEIVED", "EARNED", "PARKED", "VOID"), name="state"),
        CheckConstraint("starts_at < ends_at and participants between 1 and 1000", name="appointment"),
        CheckConstraint("state <> 'PARKED' or account_id is null", name="parked"),
        CheckConstraint("state = 'PARKED' or customer_email is null", name="parked_email"),
        CheckConstraint("state <> 'EARNED' or (account_id is not null and occurrence > 0)", name="earner"),
        CheckConstraint("occurrence >= 0", name="occurrence"),
        Index(
            "booking_parked_idx",
            "programme_id",
            "customer_external_id",
            postgresql_where="state = 'PARKED'",
        ),
        Index(
            "booking_parked_email_idx",
            "programme_id",
            "customer_email",
            postgresql_where="customer_email is not null",
        ),
        Index(None, "programme_id", "account_id", "starts_at"),
        Index(None, "programme_id", "starts_at", "external_id"),
        Index(None, "programme_id", "service_id", "starts_at", "external_id"),
        Index("booking_status_idx", "programme_id", "status", "starts_at", "external_id"),
    )

    # No foreign key to the programme: every booking would lock that one row, and member and store lead there too.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    customer_external_id: Mapped[str | None]
    customer_email: Mapped[str | None]
    account_id: Mapped[BigId | None]
    service_id: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    participants: Mapped[int]
    store_id: Mapped[str | None]
    entry_channel: Mapped[str | None]
    status: Mapped[str]
    status_at: Mapped[datetime | None]
    booked_at: Mapped[datetime]
    state: Mapped[str]
    occurrence: Mapped[int]
    reported_at: Mapped[datetime]


class BookingOccurrence(Base):
    """One time that a booking earned: with this appointment, until it was taken back (``reversed_at``).

    ``entry_seq`` is the accrual in the ledger; where 0 points were earned there is none. ``judgement`` says what
    the points come from, as of orders. ``message_id``: the message of the outbox that tells of them. Of what was
    taken back, ``forgiven`` points were left to the member by the programme's policy.
    """

    __tablename__ = "booking_occurrence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["programme_id", "booking_external_id"], ["booking.programme_id", "booking.external_id"]
        ),
        CheckConstraint("occurrence > 0", name="occurrence"),
        CheckConstraint("points >= 0 and (points > 0) = (entry_seq is not null)", name="points"),
        CheckConstraint("forgiven between 0 and points", name="forgiven"),
        CheckConstraint("reversed_at is not null or forgiven = 0", name="reversed"),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    booking_external_id: Mapped[str] = mapped_column(primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[BigId]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    participants: Mapped[int]
    store_id: Mapped[str | None]
    entry_channel: Mapped[str | None]
    points: Mapped[Points]
    available_from: Mapped[datetime]
    settings_version: Mapped[int]
    judgement: Mapped[dict[str, Any]] = mapped_column(JSON)
    entry_seq: Mapped[BigId | None]
    message_id: Mapped[BigId | None]
    earned_at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]
    forgiven: Mapped[Points] = mapped_column(server_default="0")
