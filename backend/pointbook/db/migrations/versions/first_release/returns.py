"""Return documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release.columns import figure


def create() -> None:
    create_documents()
    create_indexes()
    steps.isolate_tenants(["return_document"])
    steps.grant_to_app("select, insert, update", ["return_document"])


def create_documents() -> None:
    op.create_table(
        "return_document",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("order_external_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSON(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_hand", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("effect", sa.Text(), nullable=True),
        figure("value"),
        figure("money"),
        figure("given_back"),
        figure("given_back_value"),
        figure("reversed"),
        figure("debt"),
        figure("forgiven"),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurrence", sa.Integer(), nullable=True),
        sa.CheckConstraint("state in ('PARKED', 'APPLIED', 'REFUSED')", name=op.f("return_document_state_check")),
        sa.CheckConstraint(
            "(state = 'REFUSED') = (refusal is not null)", name=op.f("return_document_refusal_check")
        ),
        sa.CheckConstraint(
            "effect in ('BOTH', 'EARNING', 'REDEMPTION', 'NOTHING')", name=op.f("return_document_effect_check")
        ),
        sa.CheckConstraint(
            "(state = 'APPLIED') = (number is not null) and (state = 'APPLIED') = (applied_at is not null)"
            " and (state = 'APPLIED') = (effect is not null) and (state = 'APPLIED') = (occurrence is not null)",
            name=op.f("return_document_applied_check"),
        ),
        sa.CheckConstraint(
            "value >= 0 and money >= 0 and given_back >= 0 and given_back_value >= 0 and reversed >= 0"
            " and debt >= 0 and forgiven >= 0 and debt + forgiven <= reversed",
            name=op.f("return_document_amounts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("return_document_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "external_id", name=op.f("return_document_pkey")),
    )


def create_indexes() -> None:
    op.create_index(
        "return_document_number_key",
        "return_document",
        ["programme_id", "order_external_id", "occurrence", "number"],
        unique=True,
    )
    op.create_index(
        "return_document_waiting_idx",
        "return_document",
        ["programme_id", "reported_at", "external_id"],
        postgresql_where="state <> 'APPLIED'",
    )
    op.create_index(
        "return_document_parked_idx",
        "return_document",
        ["programme_id", "external_id"],
        postgresql_where="state = 'PARKED'",
    )
