"""Earning rules, and what they have given to whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_versions()
    create_counts()
    steps.isolate_tenants(["earning_rule_version", "rule_count"])
    steps.grant_to_app("select, insert", ["earning_rule_version"])  # only ever appended
    steps.grant_to_app("select, insert, update, delete", ["rule_count"])


def create_versions() -> None:
    op.create_table(
        "earning_rule_version",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("rule_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
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


def create_counts() -> None:
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
        sa.PrimaryKeyConstraint("programme_id", "account_id", "rule_key", "bucket", name=op.f("rule_count_pkey")),
    )
