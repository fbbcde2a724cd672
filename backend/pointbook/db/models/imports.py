"""How far the import of a file has come."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class ImportRun(Base):
    """A file by its SHA-256 and what it holds. ``lines_done`` moves in the transaction of the lines' effects.

    ``refused`` is a bounded report of refused lines, ``refused_count`` counts all of them.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        CheckConstraint(one_of("kind", "ORDERS", "MEMBERS", "BALANCES", "ADJUSTMENTS"), name="kind"),
        CheckConstraint("lines_done >= 0 and refused_count >= 0", name="counts"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    file_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    lines_done: Mapped[BigId] = mapped_column(server_default="0")
    refused: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    refused_count: Mapped[BigId] = mapped_column(server_default="0")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
