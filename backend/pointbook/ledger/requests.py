"""What the ledger remembers of requests."""

from pointbook.db.session import Connection
from pointbook.ledger.commands import Request


async def is_known(connection: Connection, programme_id: int, request: Request) -> bool:
    """Whether a request has had its effect: its call answers that then, and changes nothing.

    The connection has entered the programme.
    """
    return bool(await connection.fetchval(_IS_KNOWN, programme_id, request.digest))


_IS_KNOWN = "select exists (select from ledger.idempotency where programme_id = $1 and request = $2)"
