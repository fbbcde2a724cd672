"""Webhooks that come in: endpoints, and what was taken."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_endpoints()
    create_deliveries()
    # Endpoints are read before a programme is known, so they have no row-level security.
    steps.isolate_tenants(["webhook_delivery"])
    steps.grant_to_app("select, insert, delete", ["webhook_delivery"])
    steps.grant_to_app("select, insert, update", ["webhook_endpoint"])


def create_endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('STANDARD', 'WOOCOMMERCE')", name=op.f("webhook_endpoint_kind_check")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("webhook_endpoint_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "endpoint_id", name=op.f("webhook_endpoint_pkey")),
        sa.UniqueConstraint("endpoint_id", name=op.f("webhook_endpoint_endpoint_id_key")),
    )


def create_deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "endpoint_id", "delivery_id", name=op.f("webhook_delivery_pkey")),
    )
    op.create_index(
        op.f("webhook_delivery_programme_id_received_at_idx"),
        "webhook_delivery",
        ["programme_id", "received_at"],
    )
