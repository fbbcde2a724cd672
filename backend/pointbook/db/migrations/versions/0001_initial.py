"""The tables of the schema public, the application's role, and the walls between programmes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Read before a programme is known, so without row-level security.
DIRECTORY = ["programme", "api_key", "token_key"]
TENANT = [
    "settings_version",
    "store",
    "member",
    "member_external_id",
    "rejoin_block",
    "sales_order",
    "outbox_message",
    "import_run",
]


def upgrade() -> None:
    create_tables()
    steps.create_app_role()
    steps.isolate_tenants(TENANT)
    steps.grant_to_app(
        "select, insert, update, delete", set(DIRECTORY + TENANT) - {"programme", "settings_version"}
    )
    steps.grant_to_app("select, insert, update", ["programme"])
    steps.grant_to_app("select, insert", ["settings_version"])  # only ever appended
    steps.grant_to_app("select", ["alembic_version"])


def create_tables() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("outbox_message_attempts_check")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("outbox_message_pkey")),
    )
    op.create_index(
        "outbox_message_delivered_idx",
        "outbox_message",
        ["programme_id", "delivered_at"],
        unique=False,
        postgresql_where="delivered_at is not null",
    )
    op.create_index(
        "outbox_message_due_idx",
        "outbox_message",
        ["programme_id", "due_at", "id"],
        unique=False,
        postgresql_where="delivered_at is null",
    )
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
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("programme_currency_check")),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("programme_slug_check")),
        sa.CheckConstraint(
            "state in ('DRAFT', 'ACTIVE', 'EARNING_STOPPED', 'CLOSED')", name=op.f("programme_state_check")
        ),
        sa.CheckConstraint("cardinality(locales) > 0", name=op.f("programme_locales_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("programme_pkey")),
        sa.UniqueConstraint("slug", name=op.f("programme_slug_key")),
    )
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
        sa.CheckConstraint("kind in ('PUBLISHABLE', 'SECRET')", name=op.f("api_key_kind_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("api_key_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "key_id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("digest", name=op.f("api_key_digest_key")),
    )
    op.create_table(
        "import_run",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lines_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("refused_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('ORDERS', 'MEMBERS')", name=op.f("import_run_kind_check")),
        sa.CheckConstraint("lines_done >= 0 and refused_count >= 0", name=op.f("import_run_counts_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("import_run_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "file_digest", "kind", name=op.f("import_run_pkey")),
    )
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
        sa.CheckConstraint("state in ('ACTIVE', 'INACTIVE')", name=op.f("member_state_check")),
        sa.CheckConstraint("email is not null or not email_verified", name=op.f("member_verified_email_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("member_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "account_id", name=op.f("member_pkey")),
        sa.UniqueConstraint("programme_id", "public_id", name=op.f("member_programme_id_public_id_key")),
    )
    op.create_index(
        op.f("member_programme_id_email_idx"),
        "member",
        ["programme_id", "email"],
        unique=False,
        postgresql_where="email is not null",
    )
    op.create_table(
        "rejoin_block",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("email_digest", sa.LargeBinary(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("rejoin_block_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "email_digest", name=op.f("rejoin_block_pkey")),
    )
    op.create_table(
        "settings_version",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("settings_version_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "version", name=op.f("settings_version_pkey")),
    )
    op.create_table(
        "store",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("store_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "store_id", name=op.f("store_pkey")),
    )
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
        unique=False,
    )
    op.create_table(
        "sales_order",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_external_id", sa.Text(), nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=True),
        sa.Column("entry_channel", sa.Text(), nullable=True),
        sa.Column("exit_channel", sa.Text(), nullable=True),
        sa.Column("document", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_value", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("entry_seq", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state <> 'EARNED' or account_id is not null", name=op.f("sales_order_earner_check")),
        sa.CheckConstraint(
            "state = 'EARNED' or (points = 0 and entry_seq is null)", name=op.f("sales_order_earned_check")
        ),
        sa.CheckConstraint(
            "state = 'PARKED' or customer_email is null", name=op.f("sales_order_parked_email_check")
        ),
        sa.CheckConstraint("state in ('RECEIVED', 'EARNED', 'PARKED')", name=op.f("sales_order_state_check")),
        sa.CheckConstraint(
            "redeemed_value = 0 or hold_id is not null", name=op.f("sales_order_redeemed_by_check")
        ),
        sa.CheckConstraint(
            "total >= 0 and redeemed_value between 0 and total and points >= 0",
            name=op.f("sales_order_amounts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("sales_order_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "store_id"],
            ["store.programme_id", "store.store_id"],
            name=op.f("sales_order_programme_id_store_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "external_id", name=op.f("sales_order_pkey")),
    )
    op.create_index(
        "sales_order_hold_id_key",
        "sales_order",
        ["programme_id", "hold_id"],
        unique=True,
        postgresql_where="hold_id is not null",
    )
    op.create_index(
        "sales_order_parked_email_idx",
        "sales_order",
        ["programme_id", "customer_email"],
        unique=False,
        postgresql_where="customer_email is not null",
    )
    op.create_index(
        "sales_order_parked_idx",
        "sales_order",
        ["programme_id", "customer_external_id"],
        unique=False,
        postgresql_where="state = 'PARKED'",
    )
    op.create_index(
        op.f("sales_order_programme_id_account_id_placed_at_idx"),
        "sales_order",
        ["programme_id", "account_id", "placed_at"],
        unique=False,
    )
