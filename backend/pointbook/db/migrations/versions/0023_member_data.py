"""What members say of themselves: notices or not, a birthday; and two states in which a member has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("member", sa.Column("notices", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("member", sa.Column("notices_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("member", sa.Column("birthday", sa.Date(), nullable=True))
    op.drop_constraint(op.f("member_state_check"), "member")
    op.create_check_constraint(
        op.f("member_state_check"), "member", "state in ('ACTIVE', 'INACTIVE', 'MERGED', 'LEFT')"
    )
    op.create_check_constraint(
        op.f("member_notices_since_check"), "member", "notices_since is not null or not notices"
    )
