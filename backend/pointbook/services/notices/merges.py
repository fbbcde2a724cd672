"""What is told of merge requests: the link to the other address, and what became of it to whoever asked."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from pointbook.db.queries import merging as rows
from pointbook.db.queries.merging import MergeRequestRow
from pointbook.domain.merging import PROOF_LIFE, MergeState
from pointbook.domain.notices import Value
from pointbook.services.merging import proof_path
from pointbook.services.merging.views import state_of
from pointbook.services.notices.facts import Asked, Facts, Outcome, Recipient, member_facts
from pointbook.services.outbox import Undeliverable

_HOURS: Final = str(int(PROOF_LIFE.total_seconds() // 3600))


async def proof(asked: Asked) -> Facts | Outcome:
    """Goes out if a member has the address, whatever they said of notices; to nobody else.

    Raises Undeliverable where pages have no address: the letter is its link.
    """
    programme_id = asked.programme.id
    request = await _request(asked)
    if request is None or request.email is None:
        return Outcome.NOTHING_TO_TELL
    if state_of(request, asked.now) is not MergeState.REQUESTED:
        return Outcome.NOTHING_TO_TELL
    found = await rows.members_of_email(asked.connection, programme_id, request.email, but=request.account_id)
    if not found:
        return Outcome.NOTHING_TO_TELL
    locale = found[0].locale or asked.programme.locales[0]
    link = asked.page(proof_path(asked.installation, programme_id, request.public_id, locale))
    if link is None:
        raise Undeliverable("the proof of a merge request is a link: POINTBOOK_PUBLIC_URL is not set")
    return Facts((Recipient(request.email),), locale, {"link": link, "hours": _HOURS})


async def verified(asked: Asked) -> Facts | Outcome:
    return await _told(asked, {})


async def done(asked: Asked) -> Facts | Outcome:
    return await _told(asked, {"points": asked.payload["points"] or None})


async def rejected(asked: Asked) -> Facts | Outcome:
    request = await _request(asked)
    if request is None or request.reason is None:
        return Outcome.NOTHING_TO_TELL
    return await _told(asked, {"reason": request.reason})


async def _told(asked: Asked, values: Mapping[str, Value]) -> Facts | Outcome:
    request = await _request(asked)
    if request is None or request.email is None:
        return Outcome.NOTHING_TO_TELL
    return await member_facts(asked, asked.payload["account"], {"address": request.email, **values})


async def _request(asked: Asked) -> MergeRequestRow | None:
    return await rows.find(asked.connection, asked.programme.id, UUID(hex=asked.payload["mergeRequest"]))
