"""Merging: of two accounts one goes on, with the lots and open holds of both."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "072_merging.sql",
    "157_lock_all.sql",
    "232_hold_of_cart.sql",
    "269_ended_holds.sql",
    "296_merge.sql",
    "352_own_history.sql",
    "580_ways.sql",
    "581_violations_of_entries.sql",
    "582_violations_of_lots.sql",
    "583_violations_of_returns.sql",
    "584_violations_of_merges.sql",
    "585_violations.sql",
    "930_grants_of_merging.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
