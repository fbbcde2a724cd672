"""Revisions of the database, run by ``db/migrate.py``.

From its release on a revision is never edited, nor what belongs to it: SQL of the ledger, parts in a package.
"""
