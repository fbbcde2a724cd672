"""Orders as the shop reported them, and what they were before they were completed again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_orders()
    create_order_indexes()
    create_occurrences()
    steps.isolate_tenants(["sales_order", "order_occurrence"])
    steps.grant_to_app("select, insert, update, delete", ["sales_order"])
    steps.grant_to_app("select, insert, update (account_id)", ["order_occurrence"])


def create_orders() -> None:
    op.create_table(
        "sales_order",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_external_id", sa.Text(), nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=True),
        sa.Column("entry_channel", sa.Text(), nullable=True),
        sa.Column("exit_channel", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_value", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judgement", postgresql.JSON(), nullable=True),
        sa.Column("returned", sa.Text(), server_default="NONE", nullable=False),
        sa.Column("occurrence", sa.Integer(), server_default="1", nullable=False),
        sa.Column("purchase", sa.Integer(), server_default="1", nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "returned in ('NONE', 'PART', 'ALL', 'CANCELLED')", name=op.f("sales_order_returned_check")
        ),
        sa.CheckConstraint(
            "(occurrence = 1) = (begun_at is null) and purchase >= 0", name=op.f("sales_order_occurrence_check")
        ),
        sa.CheckConstraint("state <> 'EARNED' or account_id is not null", name=op.f("sales_order_earner_check")),
        sa.CheckConstraint(
            "state = 'EARNED' or (points = 0 and entry_seq is null)", name=op.f("sales_order_earned_check")
        ),
        sa.CheckConstraint(
            "state = 'PARKED' or customer_email is null", name=op.f("sales_order_parked_email_check")
        ),
        sa.CheckConstraint("state in ('RECEIVED', 'EARNED', 'PARKED')", name=op.f("sales_order_state_check")),
        sa.CheckConstraint(
            "redeemed_value = 0 or hold_id is not null", name=op.f("sales_order_redeemed_by_check")
        ),
        sa.CheckConstraint(
            "total >= 0 and redeemed_value between 0 and total and points >= 0",
            name=op.f("sales_order_amounts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("sales_order_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "store_id"],
            ["store.programme_id", "store.store_id"],
            name=op.f("sales_order_programme_id_store_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "external_id", name=op.f("sales_order_pkey")),
    )
    # A row stays on its page and uncompressed up to this size: pglz took more time than all indexes together.
    op.execute("alter table sales_order set (toast_tuple_target = 8160)")


def create_order_indexes() -> None:
    op.create_index(
        "sales_order_hold_id_key",
        "sales_order",
        ["programme_id", "hold_id"],
        unique=True,
        postgresql_where="hold_id is not null",
    )
    op.create_index(
        "sales_order_parked_email_idx",
        "sales_order",
        ["programme_id", "customer_email"],
        postgresql_where="customer_email is not null",
    )
    op.create_index(
        "sales_order_parked_idx",
        "sales_order",
        ["programme_id", "customer_external_id"],
        postgresql_where="state = 'PARKED'",
    )
    op.create_index(
        op.f("sales_order_programme_id_account_id_placed_at_idx"),
        "sales_order",
        ["programme_id", "account_id", "placed_at"],
    )
    op.create_index(
        op.f("sales_order_programme_id_placed_at_external_id_idx"),
        "sales_order",
        ["programme_id", "placed_at", "external_id"],
    )
    op.create_index(
        "sales_order_unsettled_idx",
        "sales_order",
        ["programme_id", "placed_at", "external_id"],
        postgresql_where="state <> 'EARNED'",
    )
    op.create_index(
        "sales_order_returned_idx",
        "sales_order",
        ["programme_id", "placed_at", "external_id"],
        postgresql_where="returned <> 'NONE'",
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
        sa.Column("judgement", postgresql.JSON(), nullable=True),
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
