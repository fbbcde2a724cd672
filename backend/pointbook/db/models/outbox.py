"""What must be told to others, promised in the transaction of the change itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId


class OutboxMessage(Base):
    """A message to deliver at least once. ``due_at`` infinity: given up, waiting for a person."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        Index("outbox_message_due_idx", "programme_id", "due_at", "id", postgresql_where="delivered_at is null"),
        Index(
            "outbox_message_delivered_idx",
            "programme_id",
            "delivered_at",
            postgresql_where="delivered_at is not null",
        ),
    )

    # No foreign key to the programme: every message would lock that one row.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
