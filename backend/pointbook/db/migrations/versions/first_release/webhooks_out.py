"""Webhooks that go out: subscriptions, and what became of each event."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_subscriptions()
    create_sendings()
    tables = ["webhook_subscription", "webhook_sending"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update, delete", tables)


def create_subscriptions() -> None:
    op.create_table(
        "webhook_subscription",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("secret_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("request_input", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint("programme_id", "request", name=op.f("webhook_subscription_programme_id_request_key")),
        sa.CheckConstraint("state in ('ACTIVE', 'DISABLED')", name=op.f("webhook_subscription_state_check")),
        sa.CheckConstraint(
            "(state = 'DISABLED') = (disabled_reason is not null)"
            " and disabled_reason in ('STAFF', 'FAILING', 'GONE')",
            name=op.f("webhook_subscription_reason_check"),
        ),
        sa.CheckConstraint("cardinality(events) > 0", name=op.f("webhook_subscription_events_check")),
        sa.CheckConstraint("secret_version > 0", name=op.f("webhook_subscription_version_check")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("webhook_subscription_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "subscription_id", name=op.f("webhook_subscription_pkey")),
    )


def create_sendings() -> None:
    op.create_table(
        "webhook_sending",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('PENDING', 'DELIVERED', 'FAILED')", name=op.f("webhook_sending_state_check")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("webhook_sending_attempts_check")),
        sa.CheckConstraint(
            "(state = 'PENDING') = (next_attempt_at is not null)", name=op.f("webhook_sending_next_attempt_check")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "subscription_id"],
            ["webhook_subscription.programme_id", "webhook_subscription.subscription_id"],
            name="webhook_sending_subscription_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("webhook_sending_pkey")),
    )
    op.create_index(
        "webhook_sending_once_key",
        "webhook_sending",
        ["programme_id", "subscription_id", "message_id"],
        unique=True,
    )
    op.create_index(
        "webhook_sending_of_subscription", "webhook_sending", ["programme_id", "subscription_id", "id"]
    )
    op.create_index(
        "webhook_sending_due",
        "webhook_sending",
        ["programme_id", "subscription_id", "next_attempt_at"],
        postgresql_where="state = 'PENDING'",
    )
