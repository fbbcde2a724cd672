"""Members and the shop's ids of its customers."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points, one_of


class Member(Base):
    """A customer who joined; ``account_id`` is the member's account in the ledger.

    Whether the member may earn or spend is kept with the account, under whose lock it is judged; ``state``
    and ``redemption_locked`` say why. ``sign_up_judgement`` says where the points for joining come from.
    ``notices``: opted in to loyalty notices; since ``notices_since`` it is so, None: they never said. Of a member
    who is MERGED or LEFT the row stays, because the account's entries do; nobody is named by it any more.
    """

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("programme_id", "public_id"),
        CheckConstraint(one_of("state", "ACTIVE", "INACTIVE", "MERGED", "LEFT"), name="state"),
        CheckConstraint("notices_since is not null or not notices", name="notices_since"),
        CheckConstraint("email is not null or not email_verified", name="verified_email"),
        Index(None, "programme_id", "email", postgresql_where="email is not null"),
        Index(
            "member_email_prefix",
            "programme_id",
            "email",
            postgresql_ops={"email": "text_pattern_ops"},
            postgresql_where="email is not null",
        ),
        Index(None, "programme_id", "joined_at", "account_id"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    account_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    public_id: Mapped[UUID]
    email: Mapped[str | None]
    email_verified: Mapped[bool] = mapped_column(server_default="false")
    locale: Mapped[str | None]
    notices: Mapped[bool] = mapped_column(server_default="false")
    notices_since: Mapped[datetime | None]
    birthday: Mapped[date | None]
    joined_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="ACTIVE")
    redemption_locked: Mapped[bool] = mapped_column(server_default="false")
    sign_up_points: Mapped[Points] = mapped_column(server_default="0")
    sign_up_judgement: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class MemberExternalId(Base):
    """A customer of the shop by the shop's id. Without an account: known from an order, has not joined.

    The row is what joining and parking an order lock, so that neither can miss the other.
    """

    __tablename__ = "member_external_id"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        Index(None, "programme_id", "account_id"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[BigId | None]


class RejoinBlock(Base):
    """No second sign-up bonus until then for the address or external id whose keyed hash this is, and no more."""

    __tablename__ = "rejoin_block"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    blocked_until: Mapped[datetime]
