"""Documents that the staff send by hand. Nothing here is a personal datum."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points, one_of


class OrderSending(Base):
    """What was asked for once, and how far it has come: the first ``documents_done`` by position are settled.

    That figure, the points and the results move in the transaction that settles a document. Whoever works holds
    the lease ``lease_id`` by the database's clock; ``attempts`` since the last document. ``fingerprint`` is of the
    input: the same key with another one is a conflict.
    """

    __tablename__ = "order_sending"
    __table_args__ = (
        CheckConstraint(one_of("state", "QUEUED", "RUNNING", "DONE", "CANCELLED"), name="state"),
        CheckConstraint(one_of("points_as_of", "NOW", "ORDER_DATE"), name="points_as_of"),
        CheckConstraint("documents_done between 0 and documents_total", name="documents"),
        Index(None, "programme_id", "created_by", "idempotency_key", unique=True),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    sending_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    request: Mapped[dict[str, Any]]
    dry_run: Mapped[bool]
    points_as_of: Mapped[str]
    idempotency_key: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    changed_at: Mapped[datetime]
    documents_total: Mapped[BigId] = mapped_column(server_default="0")
    documents_done: Mapped[BigId] = mapped_column(server_default="0")
    points_earned: Mapped[Points] = mapped_column(server_default="0")
    points_reversed: Mapped[Points] = mapped_column(server_default="0")
    points_given_back: Mapped[Points] = mapped_column(server_default="0")
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")


class OrderSendingDocument(Base):
    """A document of a sending, numbered from 1, those of one ``customer`` (a number) together, orders first.

    ``outcome`` None: its turn has not come. ``refusal`` is a stable code, ``reason`` is for people.
    ``occurrence``: of the order, which earned by this sending.
    """

    __tablename__ = "order_sending_document"
    __table_args__ = (
        ForeignKeyConstraint(
            ["programme_id", "sending_id"], ["order_sending.programme_id", "order_sending.sending_id"]
        ),
        CheckConstraint(one_of("kind", "ORDER", "RETURN", "UNKNOWN"), name="kind"),
        CheckConstraint(
            one_of("outcome", "EARNED", "REVERSED", "PARKED", "ALREADY_PROCESSED", "REFUSED"), name="outcome"
        ),
        CheckConstraint(
            "(coalesce(outcome, '') = 'REFUSED') = (refusal is not null) and (refusal is null) = (reason is null)",
            name="refusal",
        ),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sending_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer: Mapped[int]
    kind: Mapped[str]
    external_id: Mapped[str]
    outcome: Mapped[str | None]
    points_earned: Mapped[Points] = mapped_column(server_default="0")
    points_reversed: Mapped[Points] = mapped_column(server_default="0")
    points_given_back: Mapped[Points] = mapped_column(server_default="0")
    refusal: Mapped[str | None]
    reason: Mapped[str | None]
    occurrence: Mapped[int | None]
