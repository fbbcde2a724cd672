"""Requests to merge another account into one's own, and how often they name an address."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release.columns import instant


def create() -> None:
    create_requests()
    create_indexes()
    create_addresses()
    steps.isolate_tenants(["merge_request", "merge_address"])
    steps.grant_to_app("select, insert, update", ["merge_request"])
    steps.grant_to_app("select, insert, update, delete", ["merge_address"])


def create_requests() -> None:
    op.create_table(
        "merge_request",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("source_account_id", sa.BigInteger(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="REQUESTED", nullable=False),
        instant("requested_at"),
        instant("expires_at"),
        instant("verified_at", nullable=True),
        instant("decided_at", nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("request_input", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "state in ('REQUESTED', 'VERIFIED', 'MERGED', 'REJECTED', 'CANCELLED')",
            name=op.f("merge_request_state_check"),
        ),
        sa.CheckConstraint(
            "state not in ('VERIFIED', 'MERGED') or source_account_id is not null",
            name=op.f("merge_request_source_check"),
        ),
        sa.CheckConstraint(
            "(verified_at is null) = (source_account_id is null)", name=op.f("merge_request_verified_check")
        ),
        sa.CheckConstraint(
            "(decided_at is not null) = (state in ('MERGED', 'REJECTED', 'CANCELLED'))",
            name=op.f("merge_request_decided_check"),
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 500 and (reason is null or state = 'REJECTED')",
            name=op.f("merge_request_reason_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("merge_request_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "source_account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("merge_request_programme_id_source_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("merge_request_pkey")),
        sa.UniqueConstraint("programme_id", "public_id", name=op.f("merge_request_programme_id_public_id_key")),
        sa.UniqueConstraint("programme_id", "request", name=op.f("merge_request_programme_id_request_key")),
    )


def create_indexes() -> None:
    op.create_index(
        op.f("merge_request_programme_id_account_id_id_idx"), "merge_request", ["programme_id", "account_id", "id"]
    )
    op.create_index(
        op.f("merge_request_programme_id_email_requested_at_idx"),
        "merge_request",
        ["programme_id", "email", "requested_at"],
        postgresql_where="email is not null",
    )
    op.create_index(
        op.f("merge_request_programme_id_state_requested_at_id_idx"),
        "merge_request",
        ["programme_id", "state", "requested_at", "id"],
    )


def create_addresses() -> None:
    op.create_table(
        "merge_address",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("email_digest", sa.LargeBinary(), nullable=False),
        sa.Column("named_at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("merge_address_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "email_digest", name=op.f("merge_address_pkey")),
    )
