"""Earning rules and what they gave, holidays, channels, and the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables()
    add_columns()
    steps.isolate_tenants(["earning_rule_version", "rule_count", "audit_entry"])
    steps.grant_to_app("select, insert", ["earning_rule_version", "audit_entry"])  # only ever appended
    steps.grant_to_app("select, insert, update, delete", ["rule_count"])


def create_tables() -> None:
    op.create_table(
        "earning_rule_version",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("rule_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('ACTIVE', 'INACTIVE', 'DELETED')", name=op.f("earning_rule_version_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("earning_rule_version_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "rule_key", "version", name=op.f("earning_rule_version_pkey")),
    )
    op.create_table(
        "rule_count",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule_key", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("rule_count_points_check")),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("rule_count_programme_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "programme_id", "account_id", "rule_key", "bucket", name=op.f("rule_count_pkey")
        ),
    )
    op.create_table(
        "audit_entry",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("audit_entry_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("audit_entry_pkey")),
    )
    op.create_index(
        op.f("audit_entry_programme_id_subject_id_idx"),
        "audit_entry",
        ["programme_id", "subject", "id"],
        unique=False,
    )


def add_columns() -> None:
    """All with a constant default or none, so that no table is rewritten."""
    for channels in ("entry_channels", "exit_channels"):
        words = postgresql.ARRAY(sa.Text())
        op.add_column("programme", sa.Column(channels, words, server_default="{}", nullable=False))
    for table in ("programme", "store"):
        op.add_column(table, sa.Column("country", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("subdivision", sa.Text(), nullable=True))
        op.add_column(
            table, sa.Column("own_holidays", postgresql.JSONB(), server_default="{}", nullable=False)
        )
    op.add_column("programme", sa.Column("rules_revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("sales_order", sa.Column("judgement", postgresql.JSON(), nullable=True))
    op.add_column("member", sa.Column("sign_up_judgement", postgresql.JSON(), nullable=True))
