"""Gift cards that were bought: their products and recipients."""

import sqlalchemy as sa
from alembic import op

from pointbook.db.migrations import steps


def create() -> None:
    create_cards()
    steps.isolate_tenants(["gift_card"])
    steps.grant_to_app("select, insert, update", ["gift_card"])


def create_cards() -> None:
    op.create_table(
        "gift_card",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("bought_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipient_name", sa.Text(), nullable=True),
        sa.Column("recipient_email", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("deliver_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "recipient_email is not null or num_nonnulls(recipient_name, message) = 0",
            name=op.f("gift_card_recipient_check"),
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("gift_card_programme_id_fkey")),
        sa.ForeignKeyConstraint(
            ["programme_id", "product_id"],
            ["gift_card_product.programme_id", "gift_card_product.id"],
            name="gift_card_product_fkey",
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("gift_card_pkey")),
        sa.UniqueConstraint("programme_id", "card_id", name=op.f("gift_card_programme_id_card_id_key")),
    )
    op.create_index("gift_card_of_account", "gift_card", ["programme_id", "account_id", "id"])
