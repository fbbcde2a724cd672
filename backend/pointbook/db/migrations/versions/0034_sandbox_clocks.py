"""A sandbox programme has a clock of its own: the real one, and what it was moved by."""

import sqlalchemy as sa
from alembic import op

from pointbook.db.migrations import steps

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("programme", sa.Column("clock_ahead", sa.Interval(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("programme_clock_ahead_check"),
        "programme",
        "clock_ahead >= '0' and (sandbox or clock_ahead = '0')",
    )
    op.create_table(
        "clock_move",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ahead", sa.Interval(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("input", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(request is null) = (input is null)", name=op.f("clock_move_request_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("clock_move_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("clock_move_pkey")),
    )
    op.create_index(
        "clock_move_request_key",
        "clock_move",
        ["programme_id", "request"],
        unique=True,
        postgresql_where="request is not null",
    )
    steps.isolate_tenants(["clock_move"])
    steps.grant_to_app("select, insert", ["clock_move"])
