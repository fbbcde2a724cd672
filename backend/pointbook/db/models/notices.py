"""Notices by mail: what was promised and sent, and what a merchant says of them."""

from datetime import date, datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class Notice(Base):
    """A mail that was promised; ``about`` says what it tells, so that nothing is told twice.

    ``outcome`` null: not yet. Then it is SENT, or why it never will be. The mail itself is not kept.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("programme_id", "about"),
        CheckConstraint(
            one_of(
                "outcome",
                "SENT",
                "NOT_OPTED_IN",
                "NO_ADDRESS",
                "ADDRESS_REFUSED",
                "SWITCHED_OFF",
                "NOTHING_TO_TELL",
            ),
            name="outcome",
        ),
        CheckConstraint("(outcome is null) = (settled_at is null)", name="settled"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    about: Mapped[str]
    created_at: Mapped[datetime]
    outcome: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class NoticeTemplate(Base):
    """A merchant's own words for a kind in a locale; without a row there are the product's."""

    __tablename__ = "notice_template"
    __table_args__ = (
        CheckConstraint("char_length(subject) <= 150 and char_length(body) <= 5000", name="texts"),
        CheckConstraint("version > 0", name="version"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    locale: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    body: Mapped[str]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]


class NoticeSetting(Base):
    """Who sends a programme's notices, how they look, whom of the staff they go to, which are ``off``."""

    __tablename__ = "notice_setting"
    __table_args__ = (
        CheckConstraint("cardinality(staff_addresses) <= 10", name="staff_addresses"),
        CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name="colour"),
        CheckConstraint("version > 0", name="version"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    sender_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    staff_addresses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    footer: Mapped[str | None]
    colour: Mapped[str | None]
    logo_url: Mapped[str | None]
    account_url: Mapped[str | None]
    off: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]


class NoticeRound(Base):
    """How far a programme has looked for points that expire: the local day, and the account it has come to.

    ``after_account`` null: the day is done.
    """

    __tablename__ = "notice_round"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    day: Mapped[date]
    after_account: Mapped[BigId | None]


class MailRefusal(Base):
    """The address of a member at which mail servers take nothing. It counts while it is the member's."""

    __tablename__ = "mail_refusal"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
    )

    # No foreign key to the programme: the member leads there.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    email: Mapped[str]
    answer: Mapped[str]
    refused_at: Mapped[datetime]
