"""Webhooks that go out: who is told of what, and what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class WebhookSubscription(Base):
    """A URL that is told of events; ``events`` null: of all. Its secrets are derived by version; none is stored.

    ``failing_since``: nothing but failures came from there since then. ``request``: of the call that made it.
    """

    __tablename__ = "webhook_subscription"
    __table_args__ = (
        UniqueConstraint("programme_id", "request"),
        CheckConstraint(one_of("state", "ACTIVE", "DISABLED"), name="state"),
        CheckConstraint(
            f"(state = 'DISABLED') = (disabled_reason is not null)"
            f" and {one_of('disabled_reason', 'STAFF', 'FAILING', 'GONE')}",
            name="reason",
        ),
        CheckConstraint("cardinality(events) > 0", name="events"),
        CheckConstraint("secret_version > 0", name="version"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    state: Mapped[str]
    disabled_reason: Mapped[str | None]
    secret_version: Mapped[int] = mapped_column(server_default="1")
    previous_secret_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    request: Mapped[bytes | None] = mapped_column(LargeBinary)
    request_input: Mapped[bytes | None] = mapped_column(LargeBinary)


class WebhookSending(Base):
    """An event for a subscription, with its last attempt. Kept for some days, with the payload, because its
    message goes sooner.

    Instants but ``occurred_at`` are the database's, which all workers share.
    """

    __tablename__ = "webhook_sending"
    __table_args__ = (
        CheckConstraint(one_of("state", "PENDING", "DELIVERED", "FAILED"), name="state"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(state = 'PENDING') = (next_attempt_at is not null)", name="next_attempt"),
        ForeignKeyConstraint(
            ["programme_id", "subscription_id"],
            ["webhook_subscription.programme_id", "webhook_subscription.subscription_id"],
            name="webhook_sending_subscription_fkey",
            ondelete="CASCADE",
        ),
        Index("webhook_sending_once_key", "programme_id", "subscription_id", "message_id", unique=True),
        Index("webhook_sending_of_subscription", "programme_id", "subscription_id", "id"),
        Index(
            "webhook_sending_due",
            "programme_id",
            "subscription_id",
            "next_attempt_at",
            postgresql_where="state = 'PENDING'",
        ),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    subscription_id: Mapped[UUID]
    message_id: Mapped[BigId]
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    attempted_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    http_status: Mapped[int | None]
    error: Mapped[str | None]
    response: Mapped[str | None]
