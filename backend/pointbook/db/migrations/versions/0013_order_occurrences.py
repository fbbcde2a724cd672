"""Orders that are completed again after all of them had come back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    extend_orders()
    create_occurrences()
    extend_returns()
    steps.isolate_tenants(["order_occurrence"])
    steps.grant_to_app("select, insert", ["order_occurrence"])


def extend_orders() -> None:
    for name in ("occurrence", "purchase"):
        op.add_column("sales_order", sa.Column(name, sa.Integer(), server_default="1", nullable=False))
    for name in ("begun_at", "status_at"):
        op.add_column("sales_order", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("sales_order_occurrence_check"),
        "sales_order",
        "(occurrence = 1) = (begun_at is null) and purchase >= 0",
    )
    op.create_index(
        "sales_order_returned_idx",
        "sales_order",
        ["programme_id", "placed_at", "external_id"],
        postgresql_where=sa.text("returned <> 'NONE'"),
    )


def create_occurrences() -> None:
    op.create_table(
        "order_occurrence",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_external_id", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("returned", sa.Text(), nullable=False),
        sa.Column("redeemed_value", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=True),
        sa.Column("judgement", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["programme_id", "order_external_id"],
            ["sales_order.programme_id", "sales_order.external_id"],
            name=op.f("order_occurrence_programme_id_order_external_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "programme_id", "order_external_id", "occurrence", name=op.f("order_occurrence_pkey")
        ),
    )


def extend_returns() -> None:
    op.add_column("return_document", sa.Column("occurrence", sa.Integer(), nullable=True))
    # Of all programmes: the owner is let past the policy for one statement.
    op.execute("alter table return_document no force row level security")
    op.execute("update return_document set occurrence = 1 where state = 'APPLIED'")
    op.execute("alter table return_document force row level security")
    op.drop_constraint(op.f("return_document_applied_check"), "return_document")
    op.create_check_constraint(
        op.f("return_document_applied_check"),
        "return_document",
        "(state = 'APPLIED') = (number is not null) and (state = 'APPLIED') = (applied_at is not null)"
        " and (state = 'APPLIED') = (effect is not null) and (state = 'APPLIED') = (occurrence is not null)",
    )
    op.drop_index(op.f("return_document_programme_id_order_external_id_number_idx"), "return_document")
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
        postgresql_where=sa.text("state <> 'APPLIED'"),
    )
