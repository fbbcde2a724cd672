"""Leaving keeps the answers of the account's requests, and servers get them again."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = ["297_forfeit.sql", "298_replayed_holds.sql"]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
