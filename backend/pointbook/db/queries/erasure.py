"""What names a member, or is anybody's words about them, goes: everywhere, in the caller's transaction.

Every column of the database that could hold such a thing is listed in ``tests/integration/test_erasure.py``, with
what becomes of it. Whoever adds one adds it there, and here what empties it.
"""

from dataclasses import dataclass
from typing import Final

from pointbook.db.queries.own_accounts import OWN
from pointbook.db.session import Connection
from pointbook.domain.notices import TYPES, Audience
from pointbook.domain.text import shown


@dataclass(frozen=True, slots=True)
class Person:
    """By what a member is named: the account that is left with those merged into it, and what the shop says.

    ``emails`` in the form that is kept: those that name nobody else. Anybody may have joined by any address, so
    one that another member has, too, is left alone. ``proved`` are those that were shown to be this member's,
    whoever else has them.
    """

    accounts: tuple[int, ...]
    public_ids: tuple[str, ...]
    external_ids: tuple[str, ...]
    emails: tuple[str, ...]
    proved: tuple[str, ...]


async def person_of(connection: Connection, programme_id: int, account_id: int) -> Person:
    """All names of a member whose account is locked."""
    rows = await connection.fetch(_ACCOUNTS, programme_id, account_id)
    accounts = [row["account_id"] for row in rows]
    names = await connection.fetch(_NAMES, programme_id, accounts)
    emails = await connection.fetch(_EMAILS, programme_id, accounts)
    return Person(
        tuple(accounts),
        tuple(row["public_id"].hex for row in rows),
        tuple(row["external_id"] for row in names),
        tuple(row["email"] for row in emails if not row["shared"]),
        tuple(row["email"] for row in emails if row["proved"]),
    )


async def erase(connection: Connection, programme_id: int, person: Person) -> None:
    """Empty or delete it all. The rows of accounts, orders and entries stay, named by opaque ids."""
    accounts, names, emails = list(person.accounts), list(person.external_ids), list(person.emails)
    for statement in _BY_ACCOUNT:
        await connection.execute(statement, programme_id, accounts)
    for statement in _BY_NAME:
        await connection.execute(statement, programme_id, accounts, names)
    for statement in _BY_EMAIL:
        await connection.execute(statement, programme_id, emails)
    await connection.execute(_OWN_REQUESTS, programme_id, accounts)
    requests = await connection.fetch(_REQUESTS, programme_id, accounts, emails)
    mentions = [f"%{public_id}%" for public_id in person.public_ids]
    await connection.execute(_PROMISED_MAILS, programme_id, mentions, _TO_STAFF)
    mentions += [f"%{row['public_id'].hex}%" for row in requests]
    for statement in _BY_MENTION:
        await connection.execute(statement, programme_id, mentions)
    await connection.execute(_IMPORT_REPORTS, programme_id, [shown(name) for name in names])


_ACCOUNTS: Final = f"""
{OWN}
select m.account_id, m.public_id
from own
join member as m on m.programme_id = $1 and m.account_id = own.account_id
order by m.account_id
"""  # noqa: S608  # the accounts above

_NAMES: Final = """
select external_id from member_external_id where programme_id = $1 and account_id = any($2::bigint[]) order by 1
"""

# Also of who was merged into the member, whose address the request for it tells: by then it is nobody's.
_EMAILS: Final = """
with own as (
    select email, email_verified as proved from member where programme_id = $1 and account_id = any($2::bigint[])
    union all
    select email, true from merge_request
    where programme_id = $1 and account_id = any($2::bigint[]) and state = 'MERGED'
)
select own.email, bool_or(own.proved) as proved, exists (
    select from member as m
    where m.programme_id = $1 and m.email = own.email and m.account_id <> all($2::bigint[])
        and m.state in ('ACTIVE', 'INACTIVE')
) as shared
from own
where own.email is not null
group by own.email
order by own.email
"""

# A shop voucher may be one person's own, so its code goes from an order's document; what it took off stays.
# Digests that the shop's id of the customer went into go, too: with the rest at hand, all ids could be tried.
_BY_ACCOUNT: Final = (
    """
    update member
    set email = null, email_verified = false, locale = null, birthday = null, notices = false,
        notices_since = null, state = case when state = 'MERGED' then state else 'LEFT' end
    where programme_id = $1 and account_id = any($2::bigint[])
    """,
    r"""
    update sales_order
    set document = regexp_replace(
        regexp_replace(document, ',"code":"([^"\\]|\\.)*"', '', 'g'), '"code":"([^"\\]|\\.)*",?', '', 'g')
    where programme_id = $1 and account_id = any($2::bigint[]) and position('"code":' in document) > 0
    """,
    """
    delete from outbox_message
    where programme_id = $1 and id in (
        select delivery_id from gift_card where programme_id = $1 and account_id = any($2::bigint[])
    )
    """,
    """
    update gift_card set recipient_name = null, recipient_email = null, message = null
    where programme_id = $1 and account_id = any($2::bigint[])
    """,
    "update exchange_order set note = null where programme_id = $1 and account_id = any($2::bigint[])",
    """
    update adjustment set description = '', internal_note = null, request_input = ''
    where programme_id = $1 and account_id = any($2::bigint[])
    """,
    "delete from mail_refusal where programme_id = $1 and account_id = any($2::bigint[])",
    "delete from member_external_id where programme_id = $1 and account_id = any($2::bigint[])",
)

# What is parked has no account: it waits for the customer, who is not to be found by it any more.
_BY_NAME: Final = tuple(
    f"""
    update {table} set customer_external_id = null, customer_email = null{forgotten}
    where programme_id = $1 and (
        account_id = any($2::bigint[]) or state = 'PARKED' and customer_external_id = any($3::text[])
    )
    """  # noqa: S608  # fixed names
    for table, forgotten in (("sales_order", ", fingerprint = ''"), ("booking", ""))
)

# What only the address leads to may be another customer's, and waits for them under the shop's id of them.
_BY_EMAIL: Final = tuple(
    f"update {table} set customer_email = null where programme_id = $1 and customer_email = any($2::text[])"  # noqa: S608  # fixed names
    for table in ("sales_order", "booking")
)

# By its digests the member's own request could be made again by who joins anew under the same name.
_OWN_REQUESTS: Final = """
update merge_request set request = uuid_send(public_id), request_input = ''
where programme_id = $1 and account_id = any($2::bigint[])
"""

# Also those of others, who named this member's address: without it nobody can prove it any more.
_REQUESTS: Final = """
update merge_request set email = null, reason = null
where programme_id = $1 and (
    account_id = any($2::bigint[]) or source_account_id = any($2::bigint[])
    or email is not null and email = any($3::text[])
)
returning public_id
"""

# What the staff are to be told names the member by opaque id, and what it is about goes on.
_TO_STAFF: Final = [kind.value for kind, known in TYPES.items() if known.audience is Audience.STAFF]
_PROMISED_MAILS: Final = """
delete from outbox_message
where programme_id = $1 and topic = 'notice.mail' and payload::text like any($2::text[])
    and payload ->> 'kind' <> all($3::text[])
"""

# Events name members by opaque id, but a server that refused a mail or a webhook may have answered anything.
# Leases end, so that an answer that is still on its way is not written down.
_BY_MENTION: Final = (
    """
    update outbox_message set last_error = null
    where programme_id = $1 and last_error is not null and payload::text like any($2::text[])
    """,
    """
    update webhook_sending set response = null, error = null, leased_until = least(leased_until, now())
    where programme_id = $1 and num_nonnulls(response, error, leased_until) > 0
        and payload::text like any($2::text[])
    """,
)

# How many lines were refused stays counted.
_IMPORT_REPORTS: Final = """
update import_run
set refused = (
    select coalesce(jsonb_agg(line order by place), '[]')
    from jsonb_array_elements(refused) with ordinality as told (line, place)
    where line ->> 'external_id' <> all($2::text[])
)
where programme_id = $1 and kind <> 'ORDERS' and exists (
    select from jsonb_array_elements(refused) as line where line ->> 'external_id' = any($2::text[])
)
"""
