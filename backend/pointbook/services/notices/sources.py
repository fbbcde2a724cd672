"""The registry: from which messages of the outbox which notices come.

To add a kind of notice:

1. ``domain/notices.py``: a member of ``NoticeKind`` and its ``NoticeType`` (audience, variables with examples).
2. ``texts/notices/de.toml``, ``en.toml`` and ``pl.toml``: subject and body.
3. Here: a ``Source`` with the topic, and a function that gathers what is so when the mail is due. For members who
   opted in it ends with ``member_facts``; for somebody else it answers ``Facts`` of its own, or the ``Outcome`` by
   which nothing is sent.

A topic that is a job of its own, such as a proof that goes to somebody who is no member, says ``is_event=False``:
its message is the mail, and nobody else listens to it. Tests go over all kinds: rendering, preview, pictures.
"""

from collections.abc import Mapping
from typing import Final

from pointbook.domain.notices import NoticeKind
from pointbook.services.adjusting import POINTS_ADJUSTED
from pointbook.services.exchange_placing import EXCHANGE_PLACED
from pointbook.services.gift_cards import GIFT_CARD_DELIVERY
from pointbook.services.granting import POINTS_CREDITED, POINTS_CREDITED_TOGETHER
from pointbook.services.joining import MEMBER_JOINED
from pointbook.services.merging import MERGE_MERGED, MERGE_PROOF, MERGE_REJECTED, MERGE_VERIFIED
from pointbook.services.notices import gathering, merges
from pointbook.services.notices.facts import Source
from pointbook.services.outbox import MEMBER_GOODBYE

SOURCES: Final[Mapping[NoticeKind, Source]] = {
    source.kind: source
    for source in (
        Source(NoticeKind.POINTS_CREDITED, POINTS_CREDITED, gathering.credited, also=POINTS_CREDITED_TOGETHER),
        Source(NoticeKind.POINTS_ADJUSTED, POINTS_ADJUSTED, gathering.adjusted),
        Source(NoticeKind.POINTS_EXPIRING, None, gathering.expiring),
        Source(NoticeKind.WELCOME, MEMBER_JOINED, gathering.welcome),
        Source(NoticeKind.GOODBYE, MEMBER_GOODBYE, gathering.goodbye, is_event=False),
        Source(NoticeKind.GIFT_CARD, GIFT_CARD_DELIVERY, gathering.gift_card, is_event=False),
        Source(NoticeKind.MERGE_PROOF, MERGE_PROOF, merges.proof, is_event=False),
        Source(NoticeKind.MERGE_VERIFIED, MERGE_VERIFIED, merges.verified),
        Source(NoticeKind.MERGE_DONE, MERGE_MERGED, merges.done),
        Source(NoticeKind.MERGE_REJECTED, MERGE_REJECTED, merges.rejected),
        Source(NoticeKind.EXCHANGE_ORDER, EXCHANGE_PLACED, gathering.exchange_order),
    )
}

OF_EVENT: Final[Mapping[str, Source]] = {
    topic: source
    for source in SOURCES.values()
    for topic in (source.topic, source.also)
    if topic and source.is_event
}
"""By topic."""
