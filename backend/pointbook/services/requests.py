"""What makes a call idempotent: who calls, what for, and the key they gave it.

A request is kept for good, and whose name went into it may have left by then: its digests are keyed, so that
without the installation's secret nobody finds the name by trying.
"""

from pointbook.domain import text
from pointbook.domain.access import Principal
from pointbook.ledger import Request
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
