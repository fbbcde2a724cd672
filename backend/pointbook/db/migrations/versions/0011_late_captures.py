"""Vouchers that pay when their hold has ended; orders that are completed again."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "065_late_captures.sql",
    "192_hold_answer.sql",
    "281_purchases.sql",
    "284_give_back.sql",
    "265_capture_late.sql",
    "266_capture.sql",
    "267_release.sql",
    "268_extend.sql",
    "290_return_order.sql",
    "566_ways.sql",
    "567_violations_of_returns.sql",
    "568_violations_of_late_captures.sql",
    "569_violations.sql",
    "910_grants_of_late_captures.sql",
]


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
