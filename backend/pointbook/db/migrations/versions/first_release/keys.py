"""Keys of callers, and keys that sign customers' tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_api_keys()
    create_token_keys()
    # Read before a programme is known, so without row-level security.
    steps.grant_to_app("select, insert, update, delete", ["api_key", "token_key"])


def create_api_keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("origins", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("any_document", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("any_document or kind = 'PUBLISHABLE'", name=op.f("api_key_any_document_check")),
        sa.CheckConstraint("kind in ('PUBLISHABLE', 'SECRET', 'STAFF')", name=op.f("api_key_kind_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("api_key_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "key_id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("digest", name=op.f("api_key_digest_key")),
    )


def create_token_keys() -> None:
    op.create_table(
        "token_key",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(public_key is null) = (algorithm = 'HS256')", name=op.f("token_key_public_key_check")
        ),
        sa.CheckConstraint(
            "algorithm in ('HS256', 'ES256', 'RS256', 'EdDSA')", name=op.f("token_key_algorithm_check")
        ),
        sa.CheckConstraint("holder = 'SHOP' or algorithm = 'HS256'", name=op.f("token_key_own_algorithm_check")),
        sa.CheckConstraint("holder in ('SHOP', 'POINTBOOK')", name=op.f("token_key_holder_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("token_key_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "kid", name=op.f("token_key_pkey")),
        sa.UniqueConstraint("kid", name=op.f("token_key_kid_key")),
    )
