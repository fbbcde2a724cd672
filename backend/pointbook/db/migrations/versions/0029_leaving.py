"""Members leave: their points are forfeited, and what names them is emptied."""

from importlib import resources

from alembic import op

from pointbook.db.migrations import steps

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# Of ledger/sql, in this order. Once shipped they are never edited: a change is a revision with files of its own.
FILES = [
    "075_leaving.sql",
    "151_enter.sql",
    "226_accrue.sql",
    "288_unspend.sql",
    "291_return_order.sql",
    "295_forfeit.sql",
    "590_ways.sql",
    "591_violations_of_accounts.sql",
    "940_grants_of_leaving.sql",
]
WARNINGS = (
    "kind in ('LATE_PURCHASE_OWED', 'LATE_PURCHASE_REFUSED', 'REDEMPTION_NOT_REPEATED', 'WEBHOOK_DISABLED',"
    " 'MEMBER_HAS_LEFT')"
)


def upgrade() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
    steps.grant_to_app("update (request_input)", ["adjustment"])
    op.drop_constraint("staff_warning_kind_check", "staff_warning")
    op.create_check_constraint(op.f("staff_warning_kind_check"), "staff_warning", WARNINGS)
    op.drop_index("staff_warning_refused_key", "staff_warning")
    op.create_index(
        "staff_warning_refused_key",
        "staff_warning",
        ["programme_id", "subject", "detail"],
        unique=True,
        postgresql_where="kind in ('LATE_PURCHASE_REFUSED', 'MEMBER_HAS_LEFT')",
    )
