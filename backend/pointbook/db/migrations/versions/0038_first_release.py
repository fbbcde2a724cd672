"""All that the first release needs: the tables of the schema ``public`` by area, the ledger, and what tells of it.

A database that came to revision 0038 step by step, before the first release, is the same and needs nothing.
"""

from pointbook.db.migrations import steps
from pointbook.db.migrations.versions.first_release import (
    adjustments,
    audit,
    bookings,
    catalogue,
    exchange,
    gift_cards,
    imports,
    keys,
    ledger,
    ledger_events,
    members,
    merging,
    notices,
    order_sendings,
    orders,
    outbox,
    programmes,
    returns,
    rule_simulations,
    rules,
    warnings,
    webhooks,
    webhooks_out,
)

revision = "0038"
down_revision = None
branch_labels = None
depends_on = None

# In the order in which they refer to each other.
AREAS = (
    programmes,
    keys,
    members,
    rules,
    orders,
    returns,
    rule_simulations,
    order_sendings,
    bookings,
    catalogue,
    exchange,
    gift_cards,
    adjustments,
    merging,
    imports,
    audit,
    warnings,
    outbox,
    notices,
    webhooks,
    webhooks_out,
    ledger,
    ledger_events,
)


def upgrade() -> None:
    steps.create_app_role()
    steps.grant_to_app("select", ["alembic_version"])
    for area in AREAS:
        area.create()
