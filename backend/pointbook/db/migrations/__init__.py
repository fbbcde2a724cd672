"""Revisions of the database, run by ``db/migrate.py``. A revision that was shipped is never edited."""
