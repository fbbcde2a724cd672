"""Returns in the ledger: points of a capture given back, points of an accrual taken back."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "035_entries_of_returns.sql",
    "280_returnable.sql",
    "283_give_back.sql",
    "286_reversal.sql",
    "289_return_order.sql",
    "560_ways.sql",
    "561_violations_of_entries.sql",
    "562_violations_of_lots.sql",
    "563_violations_of_returns.sql",
    "565_violations.sql",
    "905_grants_of_returns.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
