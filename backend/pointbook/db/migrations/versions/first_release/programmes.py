"""Programmes with their settings, stores and, of a sandbox, the moves of its clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_programmes()
    create_settings()
    create_stores()
    create_clock_moves()
    steps.isolate_tenants(["settings_version", "store", "clock_move"])
    steps.grant_to_app("select, insert, update", ["programme"])
    steps.grant_to_app("select, insert, update, delete", ["store"])
    steps.grant_to_app("select, insert", ["settings_version", "clock_move"])  # only ever appended


def create_programmes() -> None:
    """Read before a programme is known, so without row-level security."""
    op.create_table(
        "programme",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("locales", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sandbox", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_channels", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("exit_channels", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("subdivision", sa.Text(), nullable=True),
        sa.Column("own_holidays", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("rules_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("clock_ahead", sa.Interval(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "clock_ahead >= '0' and (sandbox or clock_ahead = '0')", name=op.f("programme_clock_ahead_check")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("programme_currency_check")),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("programme_slug_check")),
        sa.CheckConstraint(
            "state in ('DRAFT', 'ACTIVE', 'EARNING_STOPPED', 'CLOSED')", name=op.f("programme_state_check")
        ),
        sa.CheckConstraint("cardinality(locales) > 0", name=op.f("programme_locales_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("programme_pkey")),
        sa.UniqueConstraint("slug", name=op.f("programme_slug_key")),
    )


def create_settings() -> None:
    op.create_table(
        "settings_version",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("settings_version_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "version", name=op.f("settings_version_pkey")),
    )


def create_stores() -> None:
    op.create_table(
        "store",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("subdivision", sa.Text(), nullable=True),
        sa.Column("own_holidays", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("store_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "store_id", name=op.f("store_pkey")),
    )


def create_clock_moves() -> None:
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
