"""Webhooks come in: the same documents as by GraphQL, each delivery answered once.

The documents have their effect first, each in a transaction of its own, then the answer is kept. A crash in
between is harmless: the sender, who got no answer, sends again, and a document has its effect once by the shop's
id of it, whatever delivery it comes with. What is refused is not kept: sent again, it is judged again. Of two
bodies that come under one id at the same moment both may have their effect, and one is told of the conflict.
"""

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pointbook.db.queries import webhooks as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput, refusals_under
from pointbook.domain.reading import instant, object_of
from pointbook.services.installation import Installation
from pointbook.services.intake import SubmittedOrder, submit_order
from pointbook.services.key_directory import WebhookEndpointRecord
from pointbook.services.programme_turns import take_turns
from pointbook.services.returns import SubmittedReturn, submit_return

KEPT_FOR: Final = timedelta(days=14)
"""How long a delivery is known again. Senders give up sooner."""
ORDER_SUBMITTED: Final = "order.submitted"
RETURN_SUBMITTED: Final = "return.submitted"
_MESSAGE_KEYS: Final = frozenset({"type", "timestamp", "data"})
_PRUNED_AT_ONCE: Final = 1_000

Answer = dict[str, Any]


class AnotherBody(Exception):
    """A delivery with this id was taken before, with another body; nothing was looked at."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook whose signature is good. ``id`` is the sender's and the same when it is sent again."""

    endpoint: WebhookEndpointRecord
    id: str
    body: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.body).digest()


async def receive(
    installation: Installation, delivery: Delivery, message: Mapping[str, Any], *, now: datetime
) -> Answer:
    """Take a message of Standard Webhooks, ``{"type", "timestamp", "data"}``; again: the first answer.

    Raises AnotherBody, and whatever ``submit_order`` and ``submit_return`` refuse; nothing is kept then.
    """

    async def take() -> Answer:
        given = object_of("", message, _MESSAGE_KEYS)
        if given.get("timestamp") is not None:
            instant("timestamp", given["timestamp"])
        submit = _SUBMIT.get(text.identifier("type", given.get("type")))
        if submit is None:
            raise InvalidInput("type", f"must be one of {', '.join(_SUBMIT)}")
        document = given.get("data")
        if not isinstance(document, Mapping):
            raise InvalidInput("data", "is required" if document is None else "must be an object")
        with refusals_under("data"):
            return await submit(installation, delivery.endpoint.programme_id, document, now=now)

    return await once(installation, delivery, take, now=now)


async def once(
    installation: Installation, delivery: Delivery, take: Callable[[], Awaitable[Answer]], *, now: datetime
) -> Answer:
    """What ``take`` answers to a delivery, or answered when it was taken before. Raises AnotherBody."""
    text.identifier("webhook-id", delivery.id)
    earlier = await _taken(installation.db, delivery)
    if earlier is None:
        answer = await take()
        earlier = await _kept(installation.db, delivery, answer, now)
    if earlier.digest != delivery.digest:
        raise AnotherBody
    return earlier.answer


async def submit_order_document(
    installation: Installation, programme_id: int, document: Mapping[str, Any], *, now: datetime
) -> Answer:
    """What became of an order, as senders are told it."""
    order: SubmittedOrder = await submit_order(installation, programme_id, document, now=now)
    return {
        "type": ORDER_SUBMITTED,
        "externalId": order.external_id,
        "outcome": order.outcome.value,
        "points": order.points,
        "total": order.total.decimal,
        "redeemed": order.redeemed.decimal,
        "replayed": order.replayed,
    }


async def submit_return_document(
    installation: Installation, programme_id: int, document: Mapping[str, Any], *, now: datetime
) -> Answer:
    """What became of a return, as senders are told it."""
    returned: SubmittedReturn = await submit_return(installation, programme_id, document, now=now)
    return {
        "type": RETURN_SUBMITTED,
        "externalId": returned.external_id,
        "orderExternalId": returned.order_external_id,
        "outcome": returned.outcome.value,
        "value": returned.value.decimal,
        "money": None if returned.money is None else returned.money.decimal,
        "pointsGivenBack": returned.given_back,
        "pointsReversed": returned.reversed,
        "replayed": returned.replayed,
    }


_SUBMIT: Final = {ORDER_SUBMITTED: submit_order_document, RETURN_SUBMITTED: submit_return_document}


async def tidy(database: Database, *, seconds: float = 20) -> int:
    """Forget deliveries received ``KEPT_FOR`` ago; returns how many. Programmes take turns, bounded, as elsewhere.

    One that fails is logged and does not stop the others.
    """

    async def prune(programme_id: int) -> int:
        async with database.bare_transaction(programme_id) as connection:
            return await rows.prune(connection, programme_id, kept_for=KEPT_FOR, most=_PRUNED_AT_ONCE)

    pruned = await take_turns(
        deque(await programme_ids(database)),
        prune,
        more=lambda deleted: deleted == _PRUNED_AT_ONCE,
        failure="webhooks.tidy_failed",
        seconds=seconds,
    )
    return sum(pruned.done)


async def _taken(db: Database, delivery: Delivery) -> rows.Taken | None:
    endpoint = delivery.endpoint

    async def attempt() -> rows.Taken | None:
        async with db.bare_transaction(endpoint.programme_id) as connection:
            return await rows.taken(connection, endpoint.programme_id, endpoint.endpoint_id, delivery.id)

    return await retrying(attempt)


async def _kept(db: Database, delivery: Delivery, answer: Answer, now: datetime) -> rows.Taken:
    """The answer that was kept first: this one, or that of whoever took the same delivery meanwhile."""
    endpoint, given = delivery.endpoint, rows.Taken(delivery.digest, answer)

    async def attempt() -> rows.Taken:
        async with db.bare_transaction(endpoint.programme_id) as connection:
            key = (endpoint.programme_id, endpoint.endpoint_id, delivery.id)
            await rows.keep(connection, *key, given, now=now)
            kept = await rows.taken(connection, *key)
            assert kept is not None, "it was kept just now, or before"
            return kept

    return await retrying(attempt)
