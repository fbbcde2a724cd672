"""Orders as the shop reported them, and what they had as effect."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, MinorUnits, Points, one_of


class SalesOrder(Base):
    """An order by the shop's id. ``fingerprint`` is of the content without its status; of who left it is empty.

    ``document`` is JSON kept as a text: nothing in the database looks into it, and an import writes thousands a
    second. It holds no personal datum; the address waits in ``customer_email`` while the order is parked.
    ``redeemed_value`` was paid with points, ``hold_id`` says by which voucher. ``entry_seq`` is the accrual in
    the ledger; an order that earned 0 points has none. ``judgement`` says what its points come from: the
    instant that pins the rules, the day, what caps had given before, what became of each rule. Without one the
    settings alone judged. ``returned`` says how much return documents took back.

    ``occurrence``: 1, and one more each time that it was completed again after all of it had come back; it began
    at ``begun_at``, and ``OrderOccurrence`` has those before. ``purchase``: which of the voucher's pays for it, 0
    for none. ``status_at``: when the shop gave it its status.
    """

    __tablename__ = "sales_order"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        ForeignKeyConstraint(["programme_id", "store_id"], ["store.programme_id", "store.store_id"]),
        CheckConstraint(one_of("state", "RECEIVED", "EARNED", "PARKED"), name="state"),
        CheckConstraint(one_of("returned", "NONE", "PART", "ALL", "CANCELLED"), name="returned"),
        CheckConstraint("total >= 0 and redeemed_value between 0 and total and points >= 0", name="amounts"),
        CheckConstraint("redeemed_value = 0 or hold_id is not null", name="redeemed_by"),
        CheckConstraint("state = 'EARNED' or (points = 0 and entry_seq is null)", name="earned"),
        CheckConstraint("state <> 'EARNED' or account_id is not null", name="earner"),
        CheckConstraint("state = 'PARKED' or customer_email is null", name="parked_email"),
        CheckConstraint("(occurrence = 1) = (begun_at is null) and purchase >= 0", name="occurrence"),
        Index(
            "sales_order_hold_id_key",
            "programme_id",
            "hold_id",
            unique=True,
            postgresql_where="hold_id is not null",
        ),
        Index(
            "sales_order_parked_idx",
            "programme_id",
            "customer_external_id",
            postgresql_where="state = 'PARKED'",
        ),
        Index(
            "sales_order_parked_email_idx",
            "programme_id",
            "customer_email",
            postgresql_where="customer_email is not null",
        ),
        Index(None, "programme_id", "account_id", "placed_at"),
        Index(None, "programme_id", "placed_at", "external_id"),
        Index(
            "sales_order_returned_idx",
            "programme_id",
            "placed_at",
            "external_id",
            postgresql_where="returned <> 'NONE'",
        ),
        Index(
            "sales_order_unsettled_idx",
            "programme_id",
            "placed_at",
            "external_id",
            postgresql_where="state <> 'EARNED'",
        ),
    )

    # No foreign key to the programme: every order would lock that one row, and member and store lead there too.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[BigId | None]
    customer_external_id: Mapped[str | None]
    customer_email: Mapped[str | None]
    type: Mapped[str]
    status: Mapped[str]
    placed_at: Mapped[datetime]
    currency: Mapped[str]
    store_id: Mapped[str | None]
    entry_channel: Mapped[str | None]
    exit_channel: Mapped[str | None]
    document: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    total: Mapped[MinorUnits]
    redeemed_value: Mapped[MinorUnits] = mapped_column(server_default="0")
    points: Mapped[Points] = mapped_column(server_default="0")
    settings_version: Mapped[int | None]
    judgement: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    hold_id: Mapped[UUID | None]
    entry_seq: Mapped[BigId | None]
    returned: Mapped[str] = mapped_column(server_default="NONE")
    occurrence: Mapped[int] = mapped_column(server_default="1")
    purchase: Mapped[int] = mapped_column(server_default="1")
    begun_at: Mapped[datetime | None]
    status_at: Mapped[datetime | None]
    reported_at: Mapped[datetime]


class OrderOccurrence(Base):
    """What an order was until it was completed again: all of it had come back. Fields as in ``SalesOrder``."""

    __tablename__ = "order_occurrence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["programme_id", "order_external_id"], ["sales_order.programme_id", "sales_order.external_id"]
        ),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_external_id: Mapped[str] = mapped_column(primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[BigId | None]
    state: Mapped[str]
    returned: Mapped[str]
    redeemed_value: Mapped[MinorUnits]
    points: Mapped[Points]
    settings_version: Mapped[int | None]
    judgement: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    entry_seq: Mapped[BigId | None]
    begun_at: Mapped[datetime | None]
