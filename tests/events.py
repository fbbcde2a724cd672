"""Events as a subscriber hears of them, each with the fields that the page of operations promises."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_subscriptions import WithSecret, create_subscription
from tests.house.files import ROOT
from tests.support import NOW, server

_SOMETIMES: Final = {"undoes", "together"}
URL = "https://shop.example/hooks"


def _documented() -> Mapping[str, frozenset[str]]:
    page = (ROOT / "backend/pointbook/docs/operations.md").read_text()
    section = page[page.index("## Webhooks to others") :].split("\n## ", maxsplit=1)[0]
    lines = (line.split("|") for line in section.splitlines() if line.startswith("| `"))
    return {event.strip(" `"): frozenset(re.findall(r"`([a-z]\w*)`", data)) for _, event, _, data, _ in lines}


FIELDS: Final = _documented()
"""Of the data of each event in the documents."""


async def subscribe(installation: Installation, programme: ProgrammeSnapshot, *events: str) -> WithSecret:
    """To all events if none is named."""
    return await create_subscription(installation, server(programme), URL, events, now=NOW)


async def told(
    installation: Installation, programme: ProgrammeSnapshot, *kinds: str
) -> list[tuple[str, dict[str, Any], Any]]:
    """Events of these kinds ("order.") with data and instant, in order; all that is told is documented."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select topic, payload, created_at from outbox_message order by id")
    events = [(row["topic"], orjson.loads(row["payload"]), row["created_at"]) for row in rows]
    for event, data, _ in events:
        if event in EVENTS and event != "staff.warned":
            assert FIELDS[event] - _SOMETIMES == data.keys() - _SOMETIMES, f"{event} is documented otherwise"
    return [told for told in events if told[0].startswith(kinds)]


async def names(installation: Installation, programme: ProgrammeSnapshot, *kinds: str) -> list[str]:
    return [event for event, _, _ in await told(installation, programme, *kinds)]
