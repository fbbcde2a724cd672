"""The points ledger: schema ``ledger`` with its tables, functions, walls between programmes and grants."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "010_schema.sql",
    "020_account.sql",
    "030_entry.sql",
    "040_lot.sql",
    "050_transfer.sql",
    "060_hold.sql",
    "070_idempotency.sql",
    "080_immutability.sql",
    "110_row_security.sql",
    "120_guard.sql",
    "130_due.sql",
    "140_book_due.sql",
    "150_enter.sql",
    "155_enter_all.sql",
    "160_idempotency.sql",
    "170_price.sql",
    "180_free_parts.sql",
    "190_hold_answer.sql",
    "195_end_hold.sql",
    "210_open.sql",
    "220_accrue.sql",
    "230_hold.sql",
    "240_extend.sql",
    "250_release.sql",
    "260_capture.sql",
    "270_adjust.sql",
    "310_reading.sql",
    "320_quote.sql",
    "330_balance.sql",
    "340_expiring.sql",
    "350_history.sql",
    "360_holds.sql",
    "370_account_page.sql",
    "410_sweep.sql",
    "510_violations_of_entries.sql",
    "520_violations_of_lots.sql",
    "530_violations_of_holds.sql",
    "540_violations_of_accounts.sql",
    "550_violations.sql",
    "900_grants.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
