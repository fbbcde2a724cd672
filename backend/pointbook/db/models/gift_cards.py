"""Gift cards that were bought: what stands beside the ledger's card."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId


class GiftCard(Base):
    """Which product a card of the ledger is, and to whom its code is sent.

    The recipient's name and address and the message are personal data. ``deliver_at`` is when the mail is due,
    ``delivery_id`` its message in the outbox; without a recipient it goes to the member who bought the card.
    """

    __tablename__ = "gift_card"
    __table_args__ = (
        UniqueConstraint("programme_id", "card_id"),
        ForeignKeyConstraint(
            ["programme_id", "product_id"],
            ["gift_card_product.programme_id", "gift_card_product.id"],
            name="gift_card_product_fkey",
        ),
        CheckConstraint(
            "recipient_email is not null or num_nonnulls(recipient_name, message) = 0", name="recipient"
        ),
        Index("gift_card_of_account", "programme_id", "account_id", "id"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    card_id: Mapped[UUID]
    account_id: Mapped[BigId]
    product_id: Mapped[BigId]
    bought_at: Mapped[datetime]
    recipient_name: Mapped[str | None]
    recipient_email: Mapped[str | None]
    message: Mapped[str | None]
    deliver_at: Mapped[datetime]
    delivery_id: Mapped[BigId]
    delivered_at: Mapped[datetime | None]
