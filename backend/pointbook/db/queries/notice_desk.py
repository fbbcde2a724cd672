"""A programme's own words and settings of its notices, as the staff change them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pointbook.db.session import Connection


async def all_templates(connection: Connection, programme_id: int) -> list[Any]:
    return list(await connection.fetch(_ALL, programme_id))


async def lock_template(connection: Connection, programme_id: int, kind: str, locale: str) -> Any | None:
    """The text, which stays as it is until the transaction ends; so does that there is none."""
    await _lock_programme(connection, programme_id)
    return await connection.fetchrow(f"{_ALL} and t.kind = $2 and t.locale = $3", programme_id, kind, locale)


async def save_template(connection: Connection, programme_id: int, values: Sequence[object]) -> None:
    """``values`` in the order of the columns, behind the programme."""
    await connection.execute(_SAVE, programme_id, *values)


async def delete_template(connection: Connection, programme_id: int, kind: str, locale: str) -> None:
    await connection.execute(_DELETE, programme_id, kind, locale)


async def lock_settings(connection: Connection, programme_id: int) -> Any | None:
    await _lock_programme(connection, programme_id)
    return await connection.fetchrow("select * from notice_setting where programme_id = $1", programme_id)


async def save_settings(connection: Connection, programme_id: int, values: Sequence[object]) -> None:
    """``values`` in the order of the columns, behind the programme."""
    await connection.execute(_SAVE_SETTINGS, programme_id, *values)


async def tests_since(connection: Connection, programme_id: int, since: datetime) -> int:
    """How many test mails the audit knows; nobody adds one until the transaction ends."""
    await _lock_programme(connection, programme_id)
    count: int = await connection.fetchval(_TESTS, programme_id, since)
    return count


async def _lock_programme(connection: Connection, programme_id: int) -> None:
    """Staff change these one after the other; who reads or sends does not wait."""
    await connection.execute("select from programme where id = $1 for no key update", programme_id)


_ALL = """
select t.kind, t.locale, t.subject, t.body, t.version, t.changed_at, t.changed_by, api_key.label
from notice_template t
left join api_key
    on api_key.programme_id = t.programme_id and api_key.key_id::text = split_part(t.changed_by, ':', 2)
where t.programme_id = $1
"""

_SAVE = """
insert into notice_template (programme_id, kind, locale, subject, body, version, changed_at, changed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (programme_id, kind, locale) do update set
    subject = excluded.subject, body = excluded.body, version = excluded.version,
    changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""

_DELETE = "delete from notice_template where programme_id = $1 and kind = $2 and locale = $3"

_SAVE_SETTINGS = """
insert into notice_setting (
    programme_id, sender_name, reply_to, staff_addresses, footer, colour, logo_url, account_url, off, version,
    changed_at, changed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (programme_id) do update set
    sender_name = excluded.sender_name, reply_to = excluded.reply_to, staff_addresses = excluded.staff_addresses,
    footer = excluded.footer, colour = excluded.colour, logo_url = excluded.logo_url,
    account_url = excluded.account_url, off = excluded.off, version = excluded.version,
    changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""

_TESTS = """
select count(*) from audit_entry where programme_id = $1 and subject = 'test notice' and at > $2
"""
