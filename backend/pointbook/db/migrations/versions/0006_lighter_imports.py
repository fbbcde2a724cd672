"""What makes an import of orders lighter: documents as text, and lots that share their terms."""

from importlib import resources

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FILES = ["225_accrue.sql"]
"""Of ledger/sql, in this order."""


def upgrade() -> None:
    refuse_former_documents()
    op.alter_column(
        "sales_order",
        "document",
        existing_type=postgresql.JSON(astext_type=sa.Text()),
        type_=sa.Text(),
        existing_nullable=False,
    )
    # A row stays on its page and uncompressed up to this size: pglz took more time than all indexes together.
    op.execute("alter table sales_order set (toast_tuple_target = 8160)")
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))


def refuse_former_documents() -> None:
    """Lines of orders were kept in another form before the first release; nobody reads that any more."""
    op.execute(
        """
        do $$ begin
            if pg_relation_size('sales_order') > 0 then
                raise exception 'its orders are of before the first release, in a form that is not read any more: '
                    'begin with an empty database (of the demo: remove the folder .pointbook)';
            end if;
        end $$
        """
    )
