"""Who changed what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_entries()
    steps.isolate_tenants(["audit_entry"])
    steps.grant_to_app("select, insert", ["audit_entry"])  # only ever appended


def create_entries() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("audit_entry_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("audit_entry_pkey")),
    )
    op.create_index(
        op.f("audit_entry_programme_id_subject_id_idx"),
        "audit_entry",
        ["programme_id", "subject", "id"],
    )
