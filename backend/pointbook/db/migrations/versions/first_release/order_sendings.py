"""Documents that the staff send by hand: what was asked for, how far it has come, the result of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release.columns import figure, instant


def create() -> None:
    create_jobs()
    create_results()
    tables = ["order_sending", "order_sending_document"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update, delete", tables)


def create_jobs() -> None:
    op.create_table(
        "order_sending",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("sending_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("points_as_of", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        instant("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        instant("changed_at"),
        figure("documents_total"),
        figure("documents_done"),
        figure("points_earned"),
        figure("points_reversed"),
        figure("points_given_back"),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        instant("leased_until", nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state in ('QUEUED', 'RUNNING', 'DONE', 'CANCELLED')", name=op.f("order_sending_state_check")
        ),
        sa.CheckConstraint("points_as_of in ('NOW', 'ORDER_DATE')", name=op.f("order_sending_points_as_of_check")),
        sa.CheckConstraint(
            "documents_done between 0 and documents_total", name=op.f("order_sending_documents_check")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("order_sending_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "sending_id", name=op.f("order_sending_pkey")),
    )
    op.create_index(
        op.f("order_sending_programme_id_created_by_idempotency_key_idx"),
        "order_sending",
        ["programme_id", "created_by", "idempotency_key"],
        unique=True,
    )


def create_results() -> None:
    op.create_table(
        "order_sending_document",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sending_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        figure("points_earned"),
        figure("points_reversed"),
        figure("points_given_back"),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("occurrence", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind in ('ORDER', 'RETURN', 'UNKNOWN')", name=op.f("order_sending_document_kind_check")
        ),
        sa.CheckConstraint(
            "outcome in ('EARNED', 'REVERSED', 'PARKED', 'ALREADY_PROCESSED', 'REFUSED')",
            name=op.f("order_sending_document_outcome_check"),
        ),
        sa.CheckConstraint(
            "(coalesce(outcome, '') = 'REFUSED') = (refusal is not null) and (refusal is null) = (reason is null)",
            name=op.f("order_sending_document_refusal_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "sending_id"],
            ["order_sending.programme_id", "order_sending.sending_id"],
            name=op.f("order_sending_document_programme_id_sending_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "programme_id", "sending_id", "position", name=op.f("order_sending_document_pkey")
        ),
    )
