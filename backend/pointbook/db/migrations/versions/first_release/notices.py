"""Notices by mail: promised and sent, a merchant's own words and settings, addresses that are refused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pointbook.db.migrations import steps


def create() -> None:
    create_notices()
    create_templates()
    create_settings()
    create_rounds()
    create_refusals()
    tables = ["notice", "notice_template", "notice_setting", "notice_round", "mail_refusal"]
    steps.isolate_tenants(tables)
    steps.grant_to_app("select, insert, update, delete", tables)


def create_notices() -> None:
    op.create_table(
        "notice",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome in ('SENT', 'NOT_OPTED_IN', 'NO_ADDRESS', 'ADDRESS_REFUSED', 'SWITCHED_OFF',"
            " 'NOTHING_TO_TELL')",
            name=op.f("notice_outcome_check"),
        ),
        sa.CheckConstraint("(outcome is null) = (settled_at is null)", name=op.f("notice_settled_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("notice_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", "id", name=op.f("notice_pkey")),
        sa.UniqueConstraint("programme_id", "about", name=op.f("notice_programme_id_about_key")),
    )


def create_templates() -> None:
    op.create_table(
        "notice_template",
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "char_length(subject) <= 150 and char_length(body) <= 5000", name=op.f("notice_template_texts_check")
        ),
        sa.CheckConstraint("version > 0", name=op.f("notice_template_version_check")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("notice_template_programme_id_fkey")
        ),
        sa.PrimaryKeyConstraint("programme_id", "kind", "locale", name=op.f("notice_template_pkey")),
    )


def create_settings() -> None:
    op.create_table(
        "notice_setting",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("staff_addresses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("footer", sa.Text(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("logo_url", sa.Text(), nullable=True),
        sa.Column("account_url", sa.Text(), nullable=True),
        sa.Column("off", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "cardinality(staff_addresses) <= 10", name=op.f("notice_setting_staff_addresses_check")
        ),
        sa.CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name=op.f("notice_setting_colour_check")),
        sa.CheckConstraint("version > 0", name=op.f("notice_setting_version_check")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("notice_setting_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("notice_setting_pkey")),
    )


def create_rounds() -> None:
    op.create_table(
        "notice_round",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("after_account", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("notice_round_programme_id_fkey")),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("notice_round_pkey")),
    )


def create_refusals() -> None:
    op.create_table(
        "mail_refusal",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id", "account_id"],
            ["member.programme_id", "member.account_id"],
            name=op.f("mail_refusal_programme_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("programme_id", "account_id", name=op.f("mail_refusal_pkey")),
    )
