"""Every programme of the installation, for jobs that go programme by programme."""

from pointbook.db.session import Database


async def programme_ids(database: Database) -> list[int]:
    """In order. The directory has no row-level security: it is read before a programme is known."""
    return [row["id"] for row in await database.pool.fetch("select id from public.programme order by id")]
