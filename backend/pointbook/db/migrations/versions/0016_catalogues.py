"""Catalogues: gift-card products, exchange items, and the movements of their stock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_catalogue(
        "gift_card_product",
        sa.Column("face_value", sa.BigInteger(), nullable=False),
        sa.Column("validity_days", sa.Integer(), nullable=True),
        sa.CheckConstraint("face_value > 0", name=op.f("gift_card_product_face_value_check")),
        sa.CheckConstraint("validity_days between 1 and 36500", name=op.f("gift_card_product_validity_days_check")),
    )
    create_catalogue(
        "exchange_item",
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("max_per_order", sa.Integer(), nullable=True),
        sa.Column("max_per_member", sa.Integer(), nullable=True),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("fee >= 0", name=op.f("exchange_item_fee_check")),
        sa.CheckConstraint("stock >= 0", name=op.f("exchange_item_stock_check")),
        sa.CheckConstraint("max_per_order > 0 and max_per_member > 0", name=op.f("exchange_item_limits_check")),
    )
    create_movements()
    steps.isolate_tenants(["gift_card_product", "exchange_item", "stock_movement"])
    steps.grant_to_app("select, insert, update", ["gift_card_product", "exchange_item"])
    steps.grant_to_app("select, insert", ["stock_movement"])


def create_catalogue(table: str, *own: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price_points", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("descriptions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *own,
        sa.CheckConstraint("price_points > 0", name=op.f(f"{table}_price_points_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f(f"{table}_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f(f"{table}_pkey")),
        sa.UniqueConstraint("programme_id", "sku", name=op.f(f"{table}_programme_id_sku_key")),
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
