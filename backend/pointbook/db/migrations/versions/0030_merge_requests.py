"""Requests to merge another account into one's own; what was a merged account's becomes the target's."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pointbook.db.migrations import steps

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_requests()
    follow_merges()


def instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


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
    op.create_index(
        op.f("merge_request_programme_id_account_id_id_idx"), "merge_request", ["programme_id", "account_id", "id"]
    )
    op.create_index(
        op.f("merge_request_programme_id_email_requested_at_idx"),
        "merge_request",
        ["programme_id", "email", "requested_at"],
        postgresql_where=sa.text("email is not null"),
    )
    op.create_index(
        op.f("merge_request_programme_id_state_requested_at_id_idx"),
        "merge_request",
        ["programme_id", "state", "requested_at", "id"],
    )
    steps.isolate_tenants(["merge_request"])
    steps.grant_to_app("select, insert, update", ["merge_request"])


def follow_merges() -> None:
    """Entries stay with the account on which they happened."""
    for table in ("adjustment", "exchange_order"):
        op.add_column(table, sa.Column("entry_account_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("adjustment_programme_id_account_id_seq_key"), "adjustment")
    op.create_index(
        "adjustment_of_entry",
        "adjustment",
        ["programme_id", sa.text("coalesce(entry_account_id, account_id)"), "seq"],
        unique=True,
    )
    steps.grant_to_app("update (account_id, entry_account_id)", ["adjustment", "exchange_order"])
    steps.grant_to_app("update (account_id)", ["order_occurrence"])
