"""What staff say of the points they give and take by hand."""

import sqlalchemy as sa
from alembic import op

from pointbook.db.migrations import steps


def create() -> None:
    create_adjustments()
    create_indexes()
    steps.isolate_tenants(["adjustment"])
    steps.grant_to_app("select, insert", ["adjustment"])
    steps.grant_to_app(
        "update (description, internal_note, request_input, account_id, entry_account_id)", ["adjustment"]
    )


def create_adjustments() -> None:
    op.create_table(
        "adjustment",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("internal_note", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("request_input", sa.LargeBinary(), nullable=False),
        sa.Column("entry_account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("points <> 0 and abs(points) <= 1000000", name=op.f("adjustment_points_check")),
        sa.CheckConstraint(
            "char_length(description) <= 200 and char_length(internal_note) <= 1000",
            name=op.f("adjustment_texts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("adjustment_programme_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["programme_id", "undoes"],
            ["adjustment.programme_id", "adjustment.id"],
            name=op.f("adjustment_programme_id_undoes_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("adjustment_pkey")),
        sa.UniqueConstraint("programme_id", "public_id", name=op.f("adjustment_programme_id_public_id_key")),
        sa.UniqueConstraint("programme_id", "request", name=op.f("adjustment_programme_id_request_key")),
    )


def create_indexes() -> None:
    op.create_index(
        "adjustment_undone",
        "adjustment",
        ["programme_id", "undoes"],
        unique=True,
        postgresql_where="undoes is not null",
    )
    op.create_index(op.f("adjustment_programme_id_at_id_idx"), "adjustment", ["programme_id", "at", "id"])
    op.create_index(
        op.f("adjustment_programme_id_account_id_at_id_idx"),
        "adjustment",
        ["programme_id", "account_id", "at", "id"],
    )
    op.create_index(
        "adjustment_of_entry",
        "adjustment",
        ["programme_id", sa.text("coalesce(entry_account_id, account_id)"), "seq"],
        unique=True,
    )
