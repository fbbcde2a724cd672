"""Programmes with their settings versions and stores."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, one_of


class Programme(Base):
    """One merchant's programme: the tenant. Part of the directory, so it has no row-level security.

    Channels are the words for how orders come in and leave that rules may name. Region and holidays are for orders
    without a store. ``rules_revision`` counts the changes of its earning rules. ``clock_ahead``: by how much a
    sandbox's clock was moved.
    """

    __tablename__ = "programme"
    __table_args__ = (
        CheckConstraint(one_of("state", "DRAFT", "ACTIVE", "EARNING_STOPPED", "CLOSED"), name="state"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("cardinality(locales) > 0", name="locales"),
        CheckConstraint("clock_ahead >= '0' and (sandbox or clock_ahead = '0')", name="clock_ahead"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="DRAFT")
    state_since: Mapped[datetime]
    currency: Mapped[str]
    time_zone: Mapped[str]
    locales: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sandbox: Mapped[bool] = mapped_column(server_default="false")
    clock_ahead: Mapped[timedelta] = mapped_column(server_default="0")
    entry_channels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    exit_channels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    country: Mapped[str | None]
    subdivision: Mapped[str | None]
    own_holidays: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    rules_revision: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]


class ClockMove(Base):
    """The clock of a sandbox was moved; ``ahead`` of the real one it was afterwards. Appended, never changed.

    ``request`` and ``input`` make a call idempotent.
    """

    __tablename__ = "clock_move"
    __table_args__ = (
        CheckConstraint("(request is null) = (input is null)", name="request"),
        Index(
            "clock_move_request_key",
            "programme_id",
            "request",
            unique=True,
            postgresql_where="request is not null",
        ),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    id: Mapped[BigId] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    ahead: Mapped[timedelta]
    request: Mapped[bytes | None]
    input: Mapped[bytes | None]


class SettingsVersion(Base):
    """Settings of a programme from an instant on. Appended, never changed: lots pin the version they came from.

    ``document`` counts in ``currency``, which was the programme's when the version was made.
    """

    __tablename__ = "settings_version"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[datetime]
    currency: Mapped[str]
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Store(Base):
    """A branch; ``store_id`` is the shop's own id of it. An inactive store earns nothing, redeeming works.

    Its holidays are those of its region (ISO 3166) and ``own_holidays``: names by date.
    """

    __tablename__ = "store"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    store_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default="true")
    country: Mapped[str | None]
    subdivision: Mapped[str | None]
    own_holidays: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
