"""Catalogues: gift-card products and exchange items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_catalogue(
        "gift_card_product",
        sa.Column("face_value", sa.BigInteger(), nullable=False),
        sa.Column("validity_days", sa.Integer(), nullable=True),
        sa.CheckConstraint("face_value > 0", name=op.f("gift_card_product_face_value_check")),
        sa.CheckConstraint(
            "validity_days between 1 and 36500", name=op.f("gift_card_product_validity_days_check")
        ),
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
    tables = ["gift_card_product", "exchange_item"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update", tables)


def create_catalogue(table: str, *own: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price_points", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("names", postgresql.JSONB(), nullable=False),
        sa.Column("descriptions", postgresql.JSONB(), nullable=False),
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
