"""Documents of a sending know the occurrence of their order that earned by it."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_sending_document", sa.Column("occurrence", sa.Integer(), nullable=True))
