"""Files that were imported, and how far."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_runs()
    steps.isolate_tenants(["import_run"])
    steps.grant_to_app("select, insert, update, delete", ["import_run"])


def create_runs() -> None:
    op.create_table(
        "import_run",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lines_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("refused_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('ORDERS', 'MEMBERS', 'BALANCES', 'ADJUSTMENTS')", name=op.f("import_run_kind_check")
        ),
        sa.CheckConstraint("lines_done >= 0 and refused_count >= 0", name=op.f("import_run_counts_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("import_run_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "file_digest", "kind", name=op.f("import_run_pkey")),
    )
