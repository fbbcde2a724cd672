"""Members, the shop's ids of its customers, and who gets no second bonus for joining."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_members()
    create_external_ids()
    create_blocks()
    tables = ["member", "member_external_id", "rejoin_block"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update, delete", tables)


def create_members() -> None:
    op.create_table(
        "member",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("redemption_locked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("sign_up_points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sign_up_judgement", postgresql.JSON(), nullable=True),
        sa.Column("notices", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("notices_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.CheckConstraint("notices_since is not null or not notices", name=op.f("member_notices_since_check")),
        sa.CheckConstraint("state in ('ACTIVE', 'INACTIVE', 'MERGED', 'LEFT')", name=op.f("member_state_check")),
        sa.CheckConstraint("email is not null or not email_verified", name=op.f("member_verified_email_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("member_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "account_id", name=op.f("member_pkey")),
        sa.UniqueConstraint("programme_id", "public_id", name=op.f("member_programme_id_public_id_key")),
    )
    op.create_index(
        op.f("member_programme_id_email_idx"),
        "member",
        ["programme_id", "email"],
        postgresql_where="email is not null",
    )
    op.create_index(
        op.f("member_programme_id_joined_at_account_id_idx"), "member", ["programme_id", "joined_at", "account_id"]
    )
    op.create_index(
        "member_email_prefix",
        "member",
        ["programme_id", "email"],
        postgresql_ops={"email": "text_pattern_ops"},
        postgresql_where="email is not null",
    )


def create_external_ids() -> None:
    op.create_table(
        "member_external_id",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("member_external_id_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("member_external_id_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "external_id", name=op.f("member_external_id_pkey")),
    )
    op.create_index(
        op.f("member_external_id_programme_id_account_id_idx"),
        "member_external_id",
        ["programme_id", "account_id"],
    )


def create_blocks() -> None:
    """Written out, so that ``not null`` has the name that it has in databases of before the first release."""
    op.execute(
        """
        create table rejoin_block (
            programme_id int not null,
            digest bytea constraint rejoin_block_email_digest_not_null not null,
            blocked_until timestamptz not null,
            constraint rejoin_block_pkey primary key (programme_id, digest),
            constraint rejoin_block_programme_id_fkey foreign key (programme_id) references programme (id)
        )
        """
    )
