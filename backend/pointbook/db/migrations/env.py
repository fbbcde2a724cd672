"""Alembic's entry. Runs on the connection ``db/migrate.py`` opened, which holds the migration lock."""

from alembic import context

from pointbook.db import models
from pointbook.db.base import Base

assert models.__all__, "importing the models fills the metadata"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_server_default=True,
)
context.run_migrations()
