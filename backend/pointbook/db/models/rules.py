"""Earning rules in their versions, and what capped rules have given."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points, one_of


class EarningRuleVersion(Base):
    """A rule from an instant on. Appended, never changed: an instant says which versions judged an order.

    ``number`` is the rule's, by age; ``document`` counts in ``currency``; ``created_by`` names the caller's key.
    """

    __tablename__ = "earning_rule_version"
    __table_args__ = (CheckConstraint(one_of("state", "ACTIVE", "INACTIVE", "DELETED"), name="state"),)

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    rule_key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    state: Mapped[str]
    effective_from: Mapped[datetime]
    currency: Mapped[str]
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class RuleCount(Base):
    """Points that a capped rule has given to a member in a bucket: a local day, or a period.

    Read and added to under the lock of the member's account.
    """

    __tablename__ = "rule_count"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        CheckConstraint("points >= 0", name="points"),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    rule_key: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[Points]
