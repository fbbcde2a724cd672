"""The invariants of every programme's ledger, checked when an operator asks."""

from pointbook import ledger
from pointbook.ledger import Verification
from pointbook.services.installation import Installation
from pointbook.services.programmes import list_programmes


async def verify_ledgers(installation: Installation) -> list[tuple[str, Verification]]:
    """What was found of each programme, by its slug; a transaction a programme, and nothing is changed."""
    found = []
    for programme in await list_programmes(installation):
        async with installation.db.bare_transaction(programme.id) as connection:
            found.append((programme.slug, await ledger.verify(connection, programme.id)))
    return found
