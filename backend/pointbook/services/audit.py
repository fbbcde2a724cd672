"""Who did what in a programme, with before and after: written in the transaction of the change, never changed.

No personal datum and no secret is in it: whoever records a change of a member's names the member by an opaque id.
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from pointbook.db.session import Connection
from pointbook.domain.errors import InvalidInput
from pointbook.services.installation import Installation

OPERATOR: Final = "operator"
"""Whoever runs commands on the installation itself; everybody else is named by their key."""
ENTRIES_MAX: Final = 101
"""Of one answer: a page, and one that says that there are more."""


class Action(enum.StrEnum):
    PROGRAMME_CREATED = "PROGRAMME_CREATED"
    SETTINGS_CHANGED = "SETTINGS_CHANGED"
    CURRENCY_CHANGED = "CURRENCY_CHANGED"
    CLOCK_MOVED = "CLOCK_MOVED"
    STATE_CHANGED = "STATE_CHANGED"
    LOCALES_CHANGED = "LOCALES_CHANGED"
    CHANNELS_CHANGED = "CHANNELS_CHANGED"
    HOLIDAYS_CHANGED = "HOLIDAYS_CHANGED"
    STORE_ADDED = "STORE_ADDED"
    STORE_CHANGED = "STORE_CHANGED"
    STORE_SWITCHED = "STORE_SWITCHED"
    RULE_CREATED = "RULE_CREATED"
    RULE_EDITED = "RULE_EDITED"
    RULE_ACTIVATED = "RULE_ACTIVATED"
    RULE_DEACTIVATED = "RULE_DEACTIVATED"
    RULE_DELETED = "RULE_DELETED"
    GIFT_CARD_VOIDED = "GIFT_CARD_VOIDED"
    OFFER_SAVED = "OFFER_SAVED"
    STOCK_CHANGED = "STOCK_CHANGED"
    EXCHANGE_DECIDED = "EXCHANGE_DECIDED"
    POINTS_ADJUSTED = "POINTS_ADJUSTED"
    MEMBER_RESTRICTED = "MEMBER_RESTRICTED"
    MEMBER_EDITED = "MEMBER_EDITED"
    ORDERS_SENT = "ORDERS_SENT"
    ORDER_SENDING_CANCELLED = "ORDER_SENDING_CANCELLED"
    KEY_CREATED = "KEY_CREATED"
    KEY_REVOKED = "KEY_REVOKED"
    ENDPOINT_CREATED = "ENDPOINT_CREATED"
    ENDPOINT_REVOKED = "ENDPOINT_REVOKED"
    MEMBER_LEFT = "MEMBER_LEFT"
    NOTICE_TEXT_CHANGED = "NOTICE_TEXT_CHANGED"
    NOTICE_SETTINGS_CHANGED = "NOTICE_SETTINGS_CHANGED"
    TEST_NOTICE_SENT = "TEST_NOTICE_SENT"
    MERGE_DECIDED = "MERGE_DECIDED"
    WEBHOOK_CREATED = "WEBHOOK_CREATED"
    WEBHOOK_CHANGED = "WEBHOOK_CHANGED"
    WEBHOOK_SECRET_ROTATED = "WEBHOOK_SECRET_ROTATED"  # noqa: S105  # a name
    WEBHOOK_DELETED = "WEBHOOK_DELETED"
    WEBHOOK_REDELIVERED = "WEBHOOK_REDELIVERED"


@dataclass(frozen=True, slots=True)
class Change:
    """``subject`` is the kind of what was changed and its id: "settings", "store 7", "member <public id>".

    ``before`` is None for what is new, ``after`` for what is no more.
    """

    action: Action
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``changed_by``: the identity of the caller's key, or ``OPERATOR``; ``label``: the key's, if it is one."""

    id: int
    at: datetime
    changed_by: str
    label: str | None
    change: Change


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; None: whichever. From ``since`` on, before ``until``."""

    subject: str | None = None
    changed_by: str | None = None
    actions: Collection[Action] | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL: Final = Wanted()


async def append(
    connection: Connection, programme_id: int, changes: Iterable[Change], *, by: str, now: datetime
) -> None:
    """Write down changes in the transaction that makes them."""
    rows = [
        (programme_id, now, by, change.action.value, change.subject, _json(change.before), _json(change.after))
        for change in changes
    ]
    if rows:
        await connection.executemany(_INSERT, rows)


async def has_happened(connection: Connection, programme_id: int, action: Action, subject: str) -> bool:
    """Whether this was ever done to the subject."""
    return bool(await connection.fetchval(_HAS_HAPPENED, programme_id, subject, action.value))


async def list_entries(
    installation: Installation,
    programme_id: int,
    *,
    first: int,
    before_id: int | None = None,
    wanted: Wanted = ALL,
) -> list[AuditEntry]:
    """At most ``first`` entries (up to 101), newest first, older than ``before_id``."""
    if not 0 <= first <= ENTRIES_MAX:
        raise InvalidInput("first", f"must be 0 to {ENTRIES_MAX}")
    actions = None if wanted.actions is None else [action.value for action in wanted.actions]
    async with installation.db.bare_transaction(programme_id) as connection:
        rows = await connection.fetch(
            _ENTRIES,
            programme_id,
            before_id,
            wanted.subject,
            wanted.changed_by,
            actions,
            wanted.since,
            wanted.until,
            first,
        )
    return [
        AuditEntry(
            row["id"],
            row["at"],
            row["changed_by"],
            row["label"],
            Change(Action(row["action"]), row["subject"], _read(row["before"]), _read(row["after"])),
        )
        for row in rows
    ]


def _json(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else orjson.dumps(document).decode()


def _read(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else orjson.loads(text)


_INSERT = """
insert into audit_entry (programme_id, at, changed_by, action, subject, before, after)
values ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb)
"""

_HAS_HAPPENED = """
select exists (select from audit_entry where programme_id = $1 and subject = $2 and action = $3)
"""

_ENTRIES = """
select id, at, changed_by, api_key.label, action, subject, before, after
from audit_entry
left join api_key
    on api_key.programme_id = audit_entry.programme_id
    and api_key.key_id::text = split_part(audit_entry.changed_by, ':', 2)
where audit_entry.programme_id = $1 and ($2::bigint is null or id < $2) and ($3::text is null or subject = $3)
    and ($4::text is null or changed_by = $4) and ($5::text[] is null or action = any($5))
    and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
order by id desc
limit $8
"""
