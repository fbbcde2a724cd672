"""Who left not long ago gets no second bonus for joining (R34). They are known by keyed hashes only."""

from datetime import datetime

from pointbook.db.queries.leaving import is_blocked
from pointbook.services.installation import Installation


def rejoin_digest(installation: Installation, programme_id: int, email: str) -> bytes:
    """The keyed hash under which a normalised address is remembered after its member left."""
    return installation.secrets.derive("rejoin block", str(programme_id), email)


def rejoin_id_digest(installation: Installation, programme_id: int, external_id: str) -> bytes:
    """The same of an id of the shop's: who tells no address could otherwise join for the bonus again and again."""
    return installation.secrets.derive("rejoin block of an id", str(programme_id), external_id)


async def offered(
    installation: Installation, programme_id: int, customer: str | None, points: int, *, now: datetime
) -> int:
    """How many of the ``points`` for joining a customer gets who is no member; None: a guest, who gets all.

    As far as their id tells: whether an address blocks them too shows only when somebody joins with it.
    """
    if customer is None or points == 0:
        return points
    digest = rejoin_id_digest(installation, programme_id, customer)
    async with installation.db.bare_transaction(programme_id) as connection:
        return 0 if await is_blocked(connection, programme_id, [digest], now=now) else points
