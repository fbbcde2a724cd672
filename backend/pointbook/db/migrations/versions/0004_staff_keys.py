"""Keys of the staff."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("api_key_kind_check"), "api_key")
    op.create_check_constraint(
        op.f("api_key_kind_check"), "api_key", "kind in ('PUBLISHABLE', 'SECRET', 'STAFF')"
    )
