"""Documents that take orders back, as the shop reported them, and what they had as effect."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, MinorUnits, Points, one_of


class ReturnDocument(Base):
    """A return by the shop's id. PARKED until its order is known; APPLIED once, as the ``number``-th of an
    ``occurrence`` of its order; occurrence 0 is for what came when a later document had taken everything.

    REFUSED: it had waited and does not fit the order, as ``refusal`` says; the shop may correct it. ``tried_at``:
    when it could not be looked at, so that others come first.

    ``document`` holds no personal datum. ``effect`` says what it reverses. The figures are what it came to:
    ``value`` of what came back, of which ``money`` is refunded and ``given_back_value`` went back as points;
    ``reversed`` points were earned too many, ``debt`` of them are owed and ``forgiven`` ones stay with the member.
    """

    __tablename__ = "return_document"
    __table_args__ = (
        CheckConstraint(one_of("state", "PARKED", "APPLIED", "REFUSED"), name="state"),
        CheckConstraint("(state = 'REFUSED') = (refusal is not null)", name="refusal"),
        CheckConstraint(one_of("effect", "BOTH", "EARNING", "REDEMPTION", "NOTHING"), name="effect"),
        CheckConstraint(
            "(state = 'APPLIED') = (number is not null) and (state = 'APPLIED') = (applied_at is not null)"
            " and (state = 'APPLIED') = (effect is not null) and (state = 'APPLIED') = (occurrence is not null)",
            name="applied",
        ),
        CheckConstraint(
            "value >= 0 and money >= 0 and given_back >= 0 and given_back_value >= 0 and reversed >= 0"
            " and debt >= 0 and forgiven >= 0 and debt + forgiven <= reversed",
            name="amounts",
        ),
        Index(
            "return_document_number_key",
            "programme_id",
            "order_external_id",
            "occurrence",
            "number",
            unique=True,
        ),
        Index(
            "return_document_waiting_idx",
            "programme_id",
            "reported_at",
            "external_id",
            postgresql_where="state <> 'APPLIED'",
        ),
        Index("return_document_parked_idx", "programme_id", "external_id", postgresql_where="state = 'PARKED'"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    order_external_id: Mapped[str]
    type: Mapped[str]
    status: Mapped[str | None]
    currency: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    refusal: Mapped[str | None]
    tried_at: Mapped[datetime | None]
    by_hand: Mapped[bool] = mapped_column(server_default="false")
    occurrence: Mapped[int | None]
    number: Mapped[int | None]
    effect: Mapped[str | None]
    value: Mapped[MinorUnits] = mapped_column(server_default="0")
    money: Mapped[MinorUnits] = mapped_column(server_default="0")
    given_back: Mapped[Points] = mapped_column(server_default="0")
    given_back_value: Mapped[MinorUnits] = mapped_column(server_default="0")
    reversed: Mapped[Points] = mapped_column(server_default="0")
    debt: Mapped[Points] = mapped_column(server_default="0")
    forgiven: Mapped[Points] = mapped_column(server_default="0")
    returned_at: Mapped[datetime | None]
    reported_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
