"""Points are spent at once, and given back when what they bought is undone."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "066_spending.sql",
    "282_redeemed_parts.sql",
    "287_give_back.sql",
    "275_spend.sql",
    "570_ways.sql",
    "571_violations_of_returns.sql",
    "915_grants_of_spending.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
