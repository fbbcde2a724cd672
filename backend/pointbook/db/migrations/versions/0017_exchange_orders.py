"""Orders for which members exchange points."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_orders()
    create_lines()
    # A foreign key is validated by a query of the owner's, whom the policy of the table would stop.
    op.execute("alter table stock_movement no force row level security")
    op.create_foreign_key(
        op.f("stock_movement_programme_id_exchange_order_id_fkey"),
        "stock_movement",
        "exchange_order",
        ["programme_id", "exchange_order_id"],
        ["programme_id", "id"],
    )
    op.execute("alter table stock_movement force row level security")
    steps.isolate_tenants(["exchange_order", "exchange_order_line"])
    steps.grant_to_app("select, insert", ["exchange_order", "exchange_order_line"])
    steps.grant_to_app("update (state, exchanged_at, cancelled_at, note)", ["exchange_order"])


def create_orders() -> None:
    op.create_table(
        "exchange_order",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="SUBMITTED", nullable=False),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state in ('SUBMITTED', 'EXCHANGED', 'CANCELLED')", name=op.f("exchange_order_state_check")
        ),
        sa.CheckConstraint(
            "(state = 'EXCHANGED') = (exchanged_at is not null)"
            " and (state = 'CANCELLED') = (cancelled_at is not null)",
            name=op.f("exchange_order_decided_check"),
        ),
        sa.CheckConstraint("points > 0 and fee >= 0", name=op.f("exchange_order_amounts_check")),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("exchange_order_programme_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("exchange_order_pkey")),
        sa.UniqueConstraint("programme_id", "public_id", name=op.f("exchange_order_programme_id_public_id_key")),
    )
    op.create_index(
        op.f("exchange_order_programme_id_account_id_placed_at_id_idx"),
        "exchange_order",
        ["programme_id", "account_id", "placed_at", "id"],
    )
    op.create_index(
        op.f("exchange_order_programme_id_placed_at_id_idx"), "exchange_order", ["programme_id", "placed_at", "id"]
    )
    op.create_index(
        "exchange_order_submitted_idx",
        "exchange_order",
        ["programme_id", "placed_at", "id"],
        postgresql_where="state = 'SUBMITTED'",
    )


def create_lines() -> None:
    op.create_table(
        "exchange_order_line",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_points", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "quantity > 0 and price_points > 0 and fee >= 0", name=op.f("exchange_order_line_amounts_check")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "order_id"],
            ["exchange_order.programme_id", "exchange_order.id"],
            name=op.f("exchange_order_line_programme_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "item_id"],
            ["exchange_item.programme_id", "exchange_item.id"],
            name=op.f("exchange_order_line_programme_id_item_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "order_id", "line", name=op.f("exchange_order_line_pkey")),
    )
    op.create_index(
        op.f("exchange_order_line_programme_id_item_id_order_id_idx"),
        "exchange_order_line",
        ["programme_id", "item_id", "order_id"],
        unique=True,
    )
