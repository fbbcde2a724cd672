"""Gift cards: money that points bought, in a book of its own."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "067_cards.sql",
    "610_card_book.sql",
    "620_card_reading.sql",
    "630_buy_card.sql",
    "640_hold_card.sql",
    "650_use_card.sql",
    "660_refund_card.sql",
    "670_void_card.sql",
    "680_sweep_cards.sql",
    "572_violations_of_cards.sql",
    "573_violations.sql",
    "920_grants_of_cards.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
