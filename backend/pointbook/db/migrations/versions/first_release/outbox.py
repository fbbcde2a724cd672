"""What must be told to others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_messages()
    steps.isolate_tenants(["outbox_message"])
    steps.grant_to_app("select, insert, update, delete", ["outbox_message"])


def create_messages() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("outbox_message_attempts_check")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("outbox_message_pkey")),
    )
    op.create_index(
        "outbox_message_delivered_idx",
        "outbox_message",
        ["programme_id", "delivered_at"],
        postgresql_where="delivered_at is not null",
    )
    op.create_index(
        "outbox_message_due_idx",
        "outbox_message",
        ["programme_id", "due_at", "id"],
        postgresql_where="delivered_at is null",
    )
