"""Nobody locks an account that was merged: who has its target might wait for it."""

from importlib import resources

from pointbook.db.migrations import steps

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    file = resources.files("pointbook.ledger") / "sql" / "152_enter.sql"
    steps.execute_script(file.read_text(encoding="utf-8"))
