"""What staff should look at."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_warnings()
    steps.isolate_tenants(["staff_warning"])
    steps.grant_to_app("select, insert", ["staff_warning"])


def create_warnings() -> None:
    op.create_table(
        "staff_warning",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "kind in ('LATE_PURCHASE_OWED', 'LATE_PURCHASE_REFUSED', 'REDEMPTION_NOT_REPEATED',"
            " 'WEBHOOK_DISABLED', 'MEMBER_HAS_LEFT')",
            name=op.f("staff_warning_kind_check"),
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("staff_warning_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("staff_warning_pkey")),
    )
    op.create_index(
        "staff_warning_refused_key",
        "staff_warning",
        ["programme_id", "subject", "detail"],
        unique=True,
        postgresql_where="kind in ('LATE_PURCHASE_REFUSED', 'MEMBER_HAS_LEFT')",
    )
