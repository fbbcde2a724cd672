"""What makes a call idempotent: who calls, what for, and the key they gave it.

A repeat is answered as its first time, whatever has become of the programme since (I8): whoever refuses a call for
what the programme is, and not for what the call says, asks first whether it is one.

A request is kept for good, and whose name went into it may have left by then: its digests are keyed, so that
without the installation's secret nobody finds the name by trying.
"""

from pointbook import ledger
from pointbook.domain import text
from pointbook.domain.access import Principal
from pointbook.ledger import Request
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation, Secrets


def request_of(
    installation: Installation, principal: Principal, operation: str, key: str, *values: object
) -> Request:
    """``values`` are the whole input of the operation. Raises InvalidInput for a key that is none."""
    plain = Request.of(principal.identity, operation, text.identifier("idempotencyKey", key), *values)
    return keyed(installation.secrets, principal.programme_id, plain)


def keyed(secrets: Secrets, programme_id: int, plain: Request) -> Request:
    """The request as it is kept: the same for the same request of a programme."""
    return Request(
        secrets.derive("request", str(programme_id), plain.digest.hex()),
        secrets.derive("request", str(programme_id), plain.input.hex()),
    )


async def is_repeat(installation: Installation, programme_id: int, request: Request) -> bool:
    """Whether the call has had its effect."""
    async with installation.db.bare_transaction(programme_id) as connection:
        return await ledger.is_known(connection, programme_id, request)


async def require_open(installation: Installation, programme: ProgrammeSnapshot, request: Request) -> None:
    """Raises ProgrammeNotOpen for a call that is no repeat."""
    if not programme.is_open and not await is_repeat(installation, programme.id, request):
        programme.require_open()
