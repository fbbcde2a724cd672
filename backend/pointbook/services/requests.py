"""What makes a call idempotent: who calls, what for, and the key they gave it."""

from pointbook.domain import text
from pointbook.domain.access import Principal
from pointbook.ledger import Request


def request_of(principal: Principal, operation: str, key: str, *values: object) -> Request:
    """``values`` are the whole input of the operation. Raises InvalidInput for a key that is none."""
    return Request.of(principal.identity, operation, text.identifier("idempotencyKey", key), *values)
