"""Spoils functions of the ledger for a while, to see that the tests notice.

A definition is read from the database, changed by replacement (which must change something) and put back at the
end. Works on the run's own database, where nobody else is at work.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg

_DEFINITIONS = """
select pg_get_functiondef(oid) from pg_proc
where pronamespace = 'ledger'::regnamespace and prokind = 'f'
order by proname
"""


class Mutation(NamedTuple):
    """``changes``: (expression, replacement); a function that has not all of them stays as it is."""

    name: str
    changes: tuple[tuple[str, str], ...]

    def spoil(self, definition: str) -> str | None:
        for pattern, replacement in self.changes:
            definition, count = re.subn(pattern, replacement, definition, flags=re.IGNORECASE)
            if not count:
                return None
        return definition


@asynccontextmanager
async def spoiled(owner_url: str, mutation: Mutation) -> AsyncIterator[None]:
    """The functions of schema ledger, mutated. AssertionError when no function has the text to change."""
    connection = await asyncpg.connect(owner_url)
    try:
        shipped = [row[0] for row in await connection.fetch(_DEFINITIONS)]
        mutants = {definition: mutation.spoil(definition) for definition in shipped}
        changed = {definition: mutant for definition, mutant in mutants.items() if mutant is not None}
        assert changed, f"no function has the text that {mutation.name!r} changes"
        try:
            for mutant in changed.values():
                await connection.execute(mutant)
            yield
        finally:
            for definition in changed:
                await connection.execute(definition)
    finally:
        await connection.close()
