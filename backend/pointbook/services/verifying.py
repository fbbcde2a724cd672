"""The invariants of every programme's ledger, exchange orders and stock, checked when an operator asks."""

from dataclasses import replace

from pointbook import ledger
from pointbook.db.queries.exchange_checks import wrong_exchanges
from pointbook.db.session import Connection
from pointbook.ledger import Verification, Violation
from pointbook.services.installation import Installation
from pointbook.services.programmes import list_programmes


async def verify_ledgers(installation: Installation) -> list[tuple[str, Verification]]:
    """What was found of each programme, by its slug; a transaction a programme, and nothing is changed."""
    found = []
    for programme in await list_programmes(installation):
        async with installation.db.bare_transaction(programme.id) as connection:
            found.append((programme.slug, await verify(connection, programme.id)))
    return found


async def verify(connection: Connection, programme_id: int) -> Verification:
    """What was found of one programme, in the transaction of ``connection``, which has entered it."""
    found = await ledger.verify(connection, programme_id)
    wrong = [Violation(*one) for one in await wrong_exchanges(connection, programme_id)]
    return replace(found, violations=(*found.violations, *wrong))
