"""Orders and refunds come in from WooCommerce, as its webhooks tell them.

WooCommerce sends once: it does not repeat what failed, and switches a webhook off after a few failures in a row.
So a document that is refused is told in the answer and in the log, and is no failure of the delivery. Deliveries
are not kept: their id is not signed, and two of one second may share it. A document has its effect once, by its
own id.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from pointbook.adapters.woocommerce import ORDER_TOPICS, documents_of
from pointbook.domain.errors import ClockAhead, InvalidInput, PointbookError
from pointbook.domain.reading import instant
from pointbook.services.installation import Installation
from pointbook.services.webhook_intake import Answer, submit_order_document, submit_return_document

log = structlog.get_logger(__name__)


async def receive_woocommerce(
    installation: Installation, programme_id: int, topic: str, payload: Mapping[str, Any], *, now: datetime
) -> Answer:
    """What became of the documents of an order, each judged by itself: the order, its refunds, its cancellation.

    ``outcome`` is TAKEN, REFUSED when one of them was, or IGNORED for what tells of no order yet.
    Raises InvalidInput for what is no order of WooCommerce's.
    """
    found = documents_of(payload) if topic in ORDER_TOPICS else None
    if found is None:
        return {"outcome": "IGNORED", "documents": []}

    async def submitted(submit: Callable[..., Awaitable[Answer]], document: Mapping[str, Any]) -> Answer:
        try:
            return await submit(installation, programme_id, document, now=now)
        except ClockAhead:
            raise
        except PointbookError as refusal:
            return _refused(programme_id, document, refusal)

    order = found.order
    if (changed_at := order["statusAt"]) is not None and instant("statusAt", changed_at) > now:
        order = {**order, "statusAt": None}  # by a clock that is ahead of ours
    documents = [await submitted(submit_order_document, order)]
    for document in found.returns:
        documents.append(await submitted(submit_return_document, document))  # noqa: PERF401  # one after the other
    refused = any(document["outcome"] == "REFUSED" for document in documents)
    return {"outcome": "REFUSED" if refused else "TAKEN", "documents": documents}


def _refused(programme_id: int, document: Mapping[str, Any], refusal: PointbookError) -> Answer:
    told = {"externalId": document["externalId"], "code": refusal.code}
    field = refusal.field if isinstance(refusal, InvalidInput) else None
    log.warning("woocommerce.refused", programme=programme_id, **told, field=field)
    return {**told, "outcome": "REFUSED", "message": str(refusal)}
