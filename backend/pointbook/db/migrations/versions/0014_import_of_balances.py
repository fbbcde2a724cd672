"""Files of balances."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("import_run_kind_check"), "import_run")
    op.create_check_constraint(
        op.f("import_run_kind_check"), "import_run", "kind in ('ORDERS', 'MEMBERS', 'BALANCES')"
    )
