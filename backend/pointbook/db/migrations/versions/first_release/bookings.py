"""Bookings, and each time that one has earned."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release.columns import instant


def create() -> None:
    create_bookings()
    create_indexes()
    create_occurrences()
    tables = ["booking", "booking_occurrence"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update", tables)


def appointment() -> list[sa.Column[Any]]:
    return [
        instant("starts_at"),
        instant("ends_at"),
        sa.Column("participants", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=True),
        sa.Column("entry_channel", sa.Text(), nullable=True),
    ]


def create_bookings() -> None:
    op.create_table(
        "booking",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_external_id", sa.Text(), nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("service_id", sa.Text(), nullable=False),
        *appointment(),
        sa.Column("status", sa.Text(), nullable=False),
        instant("status_at", nullable=True),
        instant("booked_at"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        instant("reported_at"),
        sa.CheckConstraint(
            "status in ('BOOKED', 'COMPLETED', 'CANCELLED', 'NO_SHOW')", name=op.f("booking_status_check")
        ),
        sa.CheckConstraint("state in ('RECEIVED', 'EARNED', 'PARKED', 'VOID')", name=op.f("booking_state_check")),
        sa.CheckConstraint(
            "starts_at < ends_at and participants between 1 and 1000", name=op.f("booking_appointment_check")
        ),
        sa.CheckConstraint("state <> 'PARKED' or account_id is null", name=op.f("booking_parked_check")),
        sa.CheckConstraint("state = 'PARKED' or customer_email is null", name=op.f("booking_parked_email_check")),
        sa.CheckConstraint(
            "state <> 'EARNED' or (account_id is not null and occurrence > 0)", name=op.f("booking_earner_check")
        ),
        sa.CheckConstraint("occurrence >= 0", name=op.f("booking_occurrence_check")),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("booking_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "store_id"],
            ["store.programme_id", "store.store_id"],
            name=op.f("booking_programme_id_store_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "external_id", name=op.f("booking_pkey")),
    )


def create_indexes() -> None:
    op.create_index(
        "booking_parked_idx",
        "booking",
        ["programme_id", "customer_external_id"],
        postgresql_where="state = 'PARKED'",
    )
    op.create_index(
        "booking_parked_email_idx",
        "booking",
        ["programme_id", "customer_email"],
        postgresql_where="customer_email is not null",
    )
    for columns in (
        ["account_id", "starts_at"],
        ["starts_at", "external_id"],
        ["service_id", "starts_at", "external_id"],
    ):
        op.create_index(
            op.f(f"booking_programme_id_{'_'.join(columns)}_idx"), "booking", ["programme_id", *columns]
        )
    op.create_index("booking_status_idx", "booking", ["programme_id", "status", "starts_at", "external_id"])


def create_occurrences() -> None:
    op.create_table(
        "booking_occurrence",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("booking_external_id", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        *appointment(),
        sa.Column("points", sa.BigInteger(), nullable=False),
        instant("available_from"),
        sa.Column("settings_version", sa.Integer(), nullable=False),
        sa.Column("judgement", postgresql.JSON(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        instant("earned_at"),
        instant("reversed_at", nullable=True),
        sa.Column("forgiven", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("occurrence > 0", name=op.f("booking_occurrence_occurrence_check")),
        sa.CheckConstraint(
            "points >= 0 and (points > 0) = (entry_seq is not null)", name=op.f("booking_occurrence_points_check")
        ),
        sa.CheckConstraint("forgiven between 0 and points", name=op.f("booking_occurrence_forgiven_check")),
        sa.CheckConstraint(
            "reversed_at is not null or forgiven = 0", name=op.f("booking_occurrence_reversed_check")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "booking_external_id"],
            ["booking.programme_id", "booking.external_id"],
            name=op.f("booking_occurrence_programme_id_booking_external_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "programme_id", "booking_external_id", "occurrence", name=op.f("booking_occurrence_pkey")
        ),
    )
