"""Simulations of rules: what was proposed, how far they have come, and what would be different.

Orders and accounts are named without foreign keys, which would lock their rows. Nothing here is a personal datum.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from pointbook.db.base import Base, BigId, Points, one_of

_WEIGHT = "abs(points_after - points_before)"


def _of_a_simulation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["programme_id", "simulation_id"], ["rule_simulation.programme_id", "rule_simulation.simulation_id"]
    )


class RuleSimulation(Base):
    """A proposed version of a rule over the orders placed in [``placed_from``, ``placed_to``).

    ``rule_version``: the existing version that is proposed; None: another content or state. ``document`` counts in
    ``currency``, and orders count that were judged by ``settings_from`` or later settings: with those the
    programme began to count in it. ``created_at`` is also the instant until which orders must have earned.

    ``orders_done``, totals and ``done_*`` (the last order that was looked at) move in the transaction of the
    results. Whoever works holds the lease ``lease_id`` by the database's clock; ``attempts`` since the last batch.
    """

    __tablename__ = "rule_simulation"
    __table_args__ = (
        CheckConstraint(one_of("state", "QUEUED", "RUNNING", "DONE", "CANCELLED", "FAILED"), name="state"),
        CheckConstraint(one_of("rule_state", "ACTIVE", "INACTIVE", "DELETED"), name="rule_state"),
        CheckConstraint("placed_from < placed_to", name="period"),
        CheckConstraint("orders_done >= 0 and orders_total >= 0", name="orders"),
        CheckConstraint("(state = 'FAILED') = (failure is not null)", name="failure"),
    )

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    simulation_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    rule_key: Mapped[str]
    rule_number: Mapped[int]
    rule_version: Mapped[int | None]
    rule_state: Mapped[str]
    document: Mapped[dict[str, Any]]
    currency: Mapped[str]
    settings_from: Mapped[int]
    placed_from: Mapped[datetime]
    placed_to: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    changed_at: Mapped[datetime]
    orders_total: Mapped[BigId]
    orders_done: Mapped[BigId] = mapped_column(server_default="0")
    done_placed_at: Mapped[datetime]
    done_external_id: Mapped[str] = mapped_column(server_default="")
    orders_changed: Mapped[BigId] = mapped_column(server_default="0")
    members_changed: Mapped[BigId] = mapped_column(server_default="0")
    points_before: Mapped[Points] = mapped_column(server_default="0")
    points_after: Mapped[Points] = mapped_column(server_default="0")
    by_rule: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    failure: Mapped[str | None]


class RuleSimulationOrder(Base):
    """An order that would have earned other points."""

    __tablename__ = "rule_simulation_order"
    __table_args__ = (
        _of_a_simulation(),
        Index(None, "programme_id", "simulation_id", "weight", "external_id"),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    simulation_id: Mapped[UUID] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[BigId]
    placed_at: Mapped[datetime]
    points_before: Mapped[Points]
    points_after: Mapped[Points]
    weight: Mapped[Points] = mapped_column(Computed(_WEIGHT, persisted=True))


class RuleSimulationMember(Base):
    """A member with such orders; the points are of these orders."""

    __tablename__ = "rule_simulation_member"
    __table_args__ = (
        _of_a_simulation(),
        Index(None, "programme_id", "simulation_id", "weight", "account_id"),
    )

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    simulation_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    orders_changed: Mapped[BigId]
    points_before: Mapped[Points]
    points_after: Mapped[Points]
    weight: Mapped[Points] = mapped_column(Computed(_WEIGHT, persisted=True))


class RuleSimulationCount(Base):
    """Where a counter of a capped rule stands for a member, as it was and as it would be; only while it runs."""

    __tablename__ = "rule_simulation_count"
    __table_args__ = (_of_a_simulation(),)

    programme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    simulation_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[BigId] = mapped_column(primary_key=True, autoincrement=False)
    rule_key: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True)
    points_before: Mapped[Points]
    points_after: Mapped[Points]
