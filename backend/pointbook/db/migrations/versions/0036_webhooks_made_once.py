"""Webhook subscriptions know the call that made them, so that it can be answered again."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("request", "request_input"):
        op.add_column("webhook_subscription", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.create_unique_constraint(
        op.f("webhook_subscription_programme_id_request_key"), "webhook_subscription", ["programme_id", "request"]
    )
