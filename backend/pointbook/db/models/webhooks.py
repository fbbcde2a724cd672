"""Webhooks that come in: whose they are, and which ones have been taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, one_of


class WebhookEndpoint(Base):
    """An address that a shop sends webhooks to. Part of the directory: it is read before a programme is known.

    Its secret is derived from the installation's secret and the id, so none is stored.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (CheckConstraint(one_of("kind", "STANDARD", "WOOCOMMERCE"), name="kind"),)

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(primary_key=True, unique=True)
    kind: Mapped[str]
    label: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """A webhook that was taken, by the sender's id of it, and what it was answered. Kept for some days.

    ``digest`` is the SHA-256 of the body, which is not kept.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index(None, "programme_id", "received_at"),)

    # No foreign keys: every delivery would lock the one row of its programme.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
