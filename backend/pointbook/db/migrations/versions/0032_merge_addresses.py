"""How often requests to merge name an address is counted by the address's digest, under a lock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merge_address",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("email_digest", sa.LargeBinary(), nullable=False),
        sa.Column("named_at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("merge_address_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "email_digest", name=op.f("merge_address_pkey")),
    )
    steps.isolate_tenants(["merge_address"])
    steps.grant_to_app("select, insert, update, delete", ["merge_address"])
