"""Orders for which members exchanged points."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, MinorUnits, Points, one_of


class ExchangeOrder(Base):
    """What a member exchanged points for; no sales order. ``points`` were spent by the entry ``entry_seq``.

    After a merge it is the target's, ``account_id``, and ``entry_account_id`` the account whose entry it is.
    ``fee`` counts in ``currency``, and the shop asks for it. ``note`` is the member's own words on delivery.
    """

    __tablename__ = "exchange_order"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "account_id"], ["member.programme_id", "member.account_id"]),
        UniqueConstraint("programme_id", "public_id"),
        CheckConstraint(one_of("state", "SUBMITTED", "EXCHANGED", "CANCELLED"), name="state"),
        CheckConstraint(
            "(state = 'EXCHANGED') = (exchanged_at is not null)"
            " and (state = 'CANCELLED') = (cancelled_at is not null)",
            name="decided",
        ),
        CheckConstraint("points > 0 and fee >= 0", name="amounts"),
        Index(None, "programme_id", "account_id", "placed_at", "id"),
        Index(None, "programme_id", "placed_at", "id"),
        Index(
            "exchange_order_submitted_idx",
            "programme_id",
            "placed_at",
            "id",
            postgresql_where="state = 'SUBMITTED'",
        ),
    )

    # No foreign key to the programme: the member leads there.
    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    public_id: Mapped[UUID]
    account_id: Mapped[BigId]
    entry_account_id: Mapped[BigId | None]
    placed_at: Mapped[datetime]
    points: Mapped[Points]
    fee: Mapped[MinorUnits]
    currency: Mapped[str]
    note: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="SUBMITTED")
    exchanged_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    entry_seq: Mapped[BigId]


class ExchangeOrderLine(Base):
    """Pieces of an item in an order, with its name and price of then; points and fee are of one piece."""

    __tablename__ = "exchange_order_line"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "order_id"], ["exchange_order.programme_id", "exchange_order.id"]),
        ForeignKeyConstraint(["programme_id", "item_id"], ["exchange_item.programme_id", "exchange_item.id"]),
        CheckConstraint("quantity > 0 and price_points > 0 and fee >= 0", name="amounts"),
        Index(None, "programme_id", "item_id", "order_id", unique=True),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_id: Mapped[BigId]
    sku: Mapped[str]
    names: Mapped[dict[str, Any]]
    quantity: Mapped[int]
    price_points: Mapped[Points]
    fee: Mapped[MinorUnits]
