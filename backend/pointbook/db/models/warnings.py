"""What staff should look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class StaffWarning(Base):
    """Something that went otherwise than the merchant would expect. A refusal, which may come often, is told once
    as long as its figures are the same.

    ``subject`` names what it is about: "order 7", "redemption <id>", "webhook subscription <id>".
    ``detail`` holds figures, or a reason; no personal datum.
    """

    __tablename__ = "staff_warning"
    __table_args__ = (
        CheckConstraint(
            one_of(
                "kind",
                "LATE_PURCHASE_OWED",
                "LATE_PURCHASE_REFUSED",
                "REDEMPTION_NOT_REPEATED",
                "WEBHOOK_DISABLED",
                "MEMBER_HAS_LEFT",
            ),
            name="kind",
        ),
        Index(
            "staff_warning_refused_key",
            "programme_id",
            "subject",
            "detail",
            unique=True,
            postgresql_where="kind in ('LATE_PURCHASE_REFUSED', 'MEMBER_HAS_LEFT')",
        ),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
