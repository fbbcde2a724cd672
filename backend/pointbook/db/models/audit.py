"""Who changed what of a programme's configuration."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId


class AuditEntry(Base):
    """A change with what was before and after it. Appended in the transaction of the change, never changed.

    ``changed_by`` names the caller's key, ``subject`` what was changed. No personal datum.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "programme_id", "subject", "id"),)

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    changed_by: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
