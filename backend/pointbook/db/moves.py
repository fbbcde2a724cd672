"""Which accounts a connection has moved, so that who watches them can be told when the transaction is over.

The ledger's facade notes them; ``Database.acquire`` takes them. Only hints: one too many makes somebody read
again.
"""

from typing import Final, TypeAlias

Account: TypeAlias = tuple[int, int]
"""Programme and account."""
EVERY_ACCOUNT: Final = 0
"""Stands for all accounts of a programme: its clock was moved."""

_noted: dict[object, set[Account]] = {}


def begin(connection: object) -> None:
    """From now on what is moved on the connection is noted."""
    _noted[connection] = set()


def note(connection: object, programme_id: int, account_id: int) -> None:
    """The account's points are moved on this connection; one that nobody began on is passed over."""
    noted = _noted.get(connection)
    if noted is not None:
        noted.add((programme_id, account_id))


def taken(connection: object) -> set[Account]:
    """What was noted on the connection, which ends it."""
    return _noted.pop(connection)
