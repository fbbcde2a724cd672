"""What may be had for points, and what became of its stock."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, MinorUnits, Points, one_of


class Offered:
    """The columns of both catalogues. Amounts count in ``currency``; in another one the offer is not on sale."""

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    sku: Mapped[str]
    currency: Mapped[str]
    price_points: Mapped[Points]
    active: Mapped[bool]
    names: Mapped[dict[str, Any]]
    descriptions: Mapped[dict[str, Any]]
    category: Mapped[str | None]
    image_url: Mapped[str | None]
    position: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class GiftCardProduct(Offered, Base):
    """A gift card that can be bought with points. Never deleted: cards refer to it."""

    __tablename__ = "gift_card_product"
    __table_args__ = (
        UniqueConstraint("programme_id", "sku"),
        CheckConstraint("price_points > 0", name="price_points"),
        CheckConstraint("face_value > 0", name="face_value"),
        CheckConstraint("validity_days between 1 and 36500", name="validity_days"),
    )

    face_value: Mapped[MinorUnits]
    validity_days: Mapped[int | None]


class ExchangeItem(Offered, Base):
    """A product for which points are exchanged. Never deleted: orders and movements refer to it.

    ``stock``: how many may still be ordered, the sum of the item's movements; null: nobody counts them.
    """

    __tablename__ = "exchange_item"
    __table_args__ = (
        UniqueConstraint("programme_id", "sku"),
        CheckConstraint("price_points > 0", name="price_points"),
        CheckConstraint("fee >= 0", name="fee"),
        CheckConstraint("stock >= 0", name="stock"),
        CheckConstraint("max_per_order > 0 and max_per_member > 0", name="limits"),
    )

    fee: Mapped[MinorUnits]
    max_per_order: Mapped[int | None]
    max_per_member: Mapped[int | None]
    stock: Mapped[Points | None]


class StockMovement(Base):
    """A change of an item's stock, by the staff (SET) or by an exchange order. Appended, never changed.

    An order moves items that nobody counts too: counting begins with a SET that makes the sum right. ``stock`` is
    what it was afterwards. ``request`` and ``input`` make a call of the staff idempotent.
    """

    __tablename__ = "stock_movement"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id", "item_id"], ["exchange_item.programme_id", "exchange_item.id"]),
        ForeignKeyConstraint(
            ["programme_id", "exchange_order_id"], ["exchange_order.programme_id", "exchange_order.id"]
        ),
        CheckConstraint(one_of("kind", "SET", "ORDERED", "CANCELLED"), name="kind"),
        CheckConstraint("(kind = 'SET') = (exchange_order_id is null)", name="order"),
        CheckConstraint("(kind = 'SET') = (request is not null and input is not null)", name="request"),
        CheckConstraint("kind <> 'ORDERED' or change < 0", name="ordered"),
        CheckConstraint("kind <> 'CANCELLED' or change > 0", name="cancelled"),
        CheckConstraint("stock >= 0", name="stock"),
        Index(
            "stock_movement_order_key",
            "programme_id",
            "exchange_order_id",
            "item_id",
            "kind",
            unique=True,
            postgresql_where="exchange_order_id is not null",
        ),
        Index(
            "stock_movement_request_key",
            "programme_id",
            "request",
            unique=True,
            postgresql_where="request is not null",
        ),
        Index(None, "programme_id", "item_id", "id"),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    item_id: Mapped[BigId]
    at: Mapped[datetime]
    change: Mapped[Points]
    kind: Mapped[str]
    stock: Mapped[Points | None]
    exchange_order_id: Mapped[BigId | None]
    request: Mapped[bytes | None] = mapped_column(LargeBinary)
    input: Mapped[bytes | None] = mapped_column(LargeBinary)
