"""Simulations of rules, and what they found."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release.columns import figure, instant


def create() -> None:
    create_jobs()
    create_results()
    tables = ["rule_simulation", "rule_simulation_order", "rule_simulation_member", "rule_simulation_count"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update, delete", tables)


def create_jobs() -> None:
    op.create_table(
        "rule_simulation",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("simulation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rule_key", sa.Text(), nullable=False),
        sa.Column("rule_number", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("rule_state", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("settings_from", sa.Integer(), nullable=False),
        instant("placed_from"),
        instant("placed_to"),
        instant("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        instant("changed_at"),
        sa.Column("orders_total", sa.BigInteger(), nullable=False),
        figure("orders_done"),
        instant("done_placed_at"),
        sa.Column("done_external_id", sa.Text(), server_default="", nullable=False),
        figure("orders_changed"),
        figure("members_changed"),
        figure("points_before"),
        figure("points_after"),
        sa.Column("by_rule", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        instant("leased_until", nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('QUEUED', 'RUNNING', 'DONE', 'CANCELLED', 'FAILED')",
            name=op.f("rule_simulation_state_check"),
        ),
        sa.CheckConstraint(
            "rule_state in ('ACTIVE', 'INACTIVE', 'DELETED')", name=op.f("rule_simulation_rule_state_check")
        ),
        sa.CheckConstraint("placed_from < placed_to", name=op.f("rule_simulation_period_check")),
        sa.CheckConstraint("orders_done >= 0 and orders_total >= 0", name=op.f("rule_simulation_orders_check")),
        sa.CheckConstraint(
            "(state = 'FAILED') = (failure is not null)", name=op.f("rule_simulation_failure_check")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("rule_simulation_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "simulation_id", name=op.f("rule_simulation_pkey")),
    )


def create_results() -> None:
    create_part(
        "rule_simulation_order",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        key=["external_id"],
        weighed_by="external_id",
    )
    create_part(
        "rule_simulation_member",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("orders_changed", sa.BigInteger(), nullable=False),
        key=["account_id"],
        weighed_by="account_id",
    )
    create_part(
        "rule_simulation_count",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule_key", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        key=["account_id", "rule_key", "bucket"],
    )


def create_part(table: str, *own: sa.Column[Any], key: list[str], weighed_by: str | None = None) -> None:
    """Results of one kind; with ``weighed_by`` those with the greatest difference are found first."""
    weight = sa.Computed("abs(points_after - points_before)", persisted=True)
    op.create_table(
        table,
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("simulation_id", sa.Uuid(), nullable=False),
        *own,
        sa.Column("points_before", sa.BigInteger(), nullable=False),
        sa.Column("points_after", sa.BigInteger(), nullable=False),
        *([sa.Column("weight", sa.BigInteger(), weight, nullable=False)] if weighed_by else []),
        sa.ForeignKeyConstraint(
            ["programme_id", "simulation_id"],
            ["rule_simulation.programme_id", "rule_simulation.simulation_id"],
            name=op.f(f"{table}_programme_id_simulation_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "simulation_id", *key, name=op.f(f"{table}_pkey")),
    )
    if weighed_by:
        op.create_index(
            op.f(f"{table}_programme_id_simulation_id_weight_{weighed_by}_idx"),
            table,
            ["programme_id", "simulation_id", "weight", weighed_by],
        )
