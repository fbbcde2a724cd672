"""Orders for which members exchange points, and the movements of the stock that they take from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_orders()
    create_lines()
    create_movements()
    tables = ["exchange_order", "exchange_order_line", "stock_movement"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert", tables)
    steps.grant_to_app(
        "update (state, exchanged_at, cancelled_at, note, account_id, entry_account_id)", ["exchange_order"]
    )


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
        sa.Column("entry_account_id", sa.BigInteger(), nullable=True),
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
        sa.Column("names", postgresql.JSONB(), nullable=False),
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


def create_movements() -> None:
    op.create_table(
        "stock_movement",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("exchange_order_id", sa.BigInteger(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("input", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind in ('SET', 'ORDERED', 'CANCELLED')", name=op.f("stock_movement_kind_check")),
        sa.CheckConstraint(
            "(kind = 'SET') = (exchange_order_id is null)", name=op.f("stock_movement_order_check")
        ),
        sa.CheckConstraint(
            "(kind = 'SET') = (request is not null and input is not null)",
            name=op.f("stock_movement_request_check"),
        ),
        sa.CheckConstraint("kind <> 'ORDERED' or change < 0", name=op.f("stock_movement_ordered_check")),
        sa.CheckConstraint("kind <> 'CANCELLED' or change > 0", name=op.f("stock_movement_cancelled_check")),
        sa.CheckConstraint("stock >= 0", name=op.f("stock_movement_stock_check")),
        sa.ForeignKeyConstraint(
            ["programme_id", "item_id"],
            ["exchange_item.programme_id", "exchange_item.id"],
            name=op.f("stock_movement_programme_id_item_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "exchange_order_id"],
            ["exchange_order.programme_id", "exchange_order.id"],
            name=op.f("stock_movement_programme_id_exchange_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("stock_movement_pkey")),
    )
    op.create_index(
        "stock_movement_order_key",
        "stock_movement",
        ["programme_id", "exchange_order_id", "item_id", "kind"],
        unique=True,
        postgresql_where="exchange_order_id is not null",
    )
    op.create_index(
        "stock_movement_request_key",
        "stock_movement",
        ["programme_id", "request"],
        unique=True,
        postgresql_where="request is not null",
    )
    op.create_index(
        op.f("stock_movement_programme_id_item_id_id_idx"), "stock_movement", ["programme_id", "item_id", "id"]
    )
