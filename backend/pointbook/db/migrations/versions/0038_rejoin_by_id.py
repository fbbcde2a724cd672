"""The bonus of who joins again is blocked by the shop's id, too, so a digest is not always of an address."""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("rejoin_block", "email_digest", new_column_name="digest")
