"""The link in the letter: whoever opens it and confirms has proved that the address is theirs.

It is good once, for ``PROOF_LIFE``. Mail scanners follow links, so that opening it changes nothing.
"""

import base64
import enum
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import merging as rows
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.merging import DECISION_LIFE, MergeState
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.merging.events import MERGE_VERIFIED
from pointbook.services.merging.views import state_of

_MAC_BYTES: Final = 20
_TOKEN_LENGTH: Final = 90


class ProofState(enum.StrEnum):
    ASKED = "ASKED"
    """It can be confirmed."""
    CONFIRMED = "CONFIRMED"
    """It was, now or before; the staff decide, or have decided."""
    OVER = "OVER"
    """Expired, or taken back."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands behind a link."""

    programme: ProgrammeSnapshot
    state: ProofState


@dataclass(frozen=True, slots=True)
class _Link:
    programme_id: int
    request_id: UUID


def proof_path(installation: Installation, programme_id: int, request_id: UUID, locale: str | None = None) -> str:
    """Of the page that confirms, below Pointbook's own address."""
    path = f"/merge/{proof_token(installation, programme_id, request_id)}"
    return path if locale is None else f"{path}?lang={quote(locale)}"


def proof_token(installation: Installation, programme_id: int, request_id: UUID) -> str:
    """Derived, so that the letter can be sent again; only its hash is kept with the request."""
    mac = installation.secrets.derive("merge proof", str(programme_id), request_id.hex)[:_MAC_BYTES]
    return f"{programme_id}-{request_id.hex}-{base64.b32encode(mac).decode().lower()}"


async def look_at(installation: Installation, token: str, *, now: datetime) -> Proof | None:
    """What can be done with a link; None: it is none of ours. Changes nothing. ``now`` is real."""
    link = _link(installation, token)
    if link is None:
        return None
    async with installation.db.bare_transaction(link.programme_id) as connection:
        row = await _found(connection, link, token)
    if row is None:
        return None
    programme = await installation.programmes.get(link.programme_id)
    return Proof(programme, _state(row, programme.now(now)))


async def confirm(installation: Installation, token: str, *, now: datetime) -> Proof | None:
    """The address is proved, and its member's account is the one that is asked for; again: nothing more.

    If nobody has the address any more, the link is over, as if it had expired. ``now`` is real.
    """
    link = _link(installation, token)
    if link is None:
        return None
    programme = await installation.programmes.get(link.programme_id)
    at = programme.now(now)

    async def attempt() -> ProofState | None:
        async with installation.db.bare_transaction(link.programme_id) as connection:
            seen = await _found(connection, link, token)
            if seen is None:
                return None
            await ledger.lock(connection, link.programme_id, [seen.account_id])
            row = await rows.lock(connection, link.programme_id, link.request_id)
            assert row is not None, "it was just read, and none is deleted"
            state = _state(row, at)
            if state is not ProofState.ASKED:
                return state
            return await _verify(connection, link, row, at)

    state = await retrying(attempt)
    return None if state is None else Proof(programme, state)


async def _verify(connection: Connection, link: _Link, row: rows.MergeRequestRow, now: datetime) -> ProofState:
    candidates = []
    if row.email is not None:
        candidates = await rows.members_of_email(connection, link.programme_id, row.email, but=row.account_id)
    if not candidates:
        return ProofState.OVER
    source = candidates[0]
    await rows.verify(
        connection,
        link.programme_id,
        row.id,
        source_account_id=source.account_id,
        expires_at=now + DECISION_LIFE,
        now=now,
    )
    told = {"mergeRequest": row.public_id.hex, "account": row.account.hex, "other": source.public_id.hex}
    await outbox.append(connection, link.programme_id, MERGE_VERIFIED, told, now=now)
    return ProofState.CONFIRMED


async def _found(connection: Connection, link: _Link, token: str) -> rows.MergeRequestRow | None:
    kept = await rows.token_digest(connection, link.programme_id, link.request_id)
    if kept is None or not hmac.compare_digest(kept, hashlib.sha256(token.encode()).digest()):
        return None
    return await rows.find(connection, link.programme_id, link.request_id)


def _state(row: rows.MergeRequestRow, now: datetime) -> ProofState:
    match state_of(row, now):
        case MergeState.REQUESTED:
            return ProofState.ASKED
        case MergeState.VERIFIED | MergeState.MERGED:
            return ProofState.CONFIRMED
        case _:
            return ProofState.OVER


def _link(installation: Installation, token: str) -> _Link | None:
    """What a token names; None for one that was made up, before anything is asked of the database."""
    programme, _, rest = token.partition("-")
    request, _, _seal = rest.partition("-")
    if len(token) > _TOKEN_LENGTH or not (token.isascii() and programme.isdigit() and len(request) == 32):  # noqa: PLR2004
        return None
    try:
        link = _Link(int(programme), UUID(hex=request))
    except ValueError:
        return None
    known = hmac.compare_digest(token, proof_token(installation, link.programme_id, link.request_id))
    return link if known else None
