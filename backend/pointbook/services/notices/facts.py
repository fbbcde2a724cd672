"""What a source of notices is asked, and what it answers."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import notices as rows
from pointbook.db.session import Connection
from pointbook.domain.notice_settings import NoticeSettings
from pointbook.domain.notices import NoticeKind, Value
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.texts.gift_card_texts import CardText


class Outcome(enum.StrEnum):
    """What became of a notice."""

    SENT = "SENT"
    NOT_OPTED_IN = "NOT_OPTED_IN"
    NO_ADDRESS = "NO_ADDRESS"
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    """Mail servers take nothing for the member's address."""
    SWITCHED_OFF = "SWITCHED_OFF"
    NOTHING_TO_TELL = "NOTHING_TO_TELL"
    """It was not so any more when the mail was due, or there is nobody to tell."""
    LATER = "LATER"
    """It may be so again: nothing is written down, so that it can be promised anew."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A notice that is due: ``payload`` is its message's.

    ``connection`` is inside the programme, to read only. A transaction of one's own would be one too many.
    """

    installation: Installation
    connection: Connection
    programme: ProgrammeSnapshot
    settings: NoticeSettings
    payload: Mapping[str, Any] = field(repr=False)
    abouts: tuple[str, ...]
    """What it is to tell, by the names of its rows."""
    now: datetime
    page: Callable[[str], str | None]
    """The address of a page of ours by its path; None: pages have none."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """``account_id`` and ``public_id``: of the member, if it is one; who may then unsubscribe."""

    mailbox: str = field(repr=False)
    name: str | None = field(default=None, repr=False)
    account_id: int | None = None
    public_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """To whom, in which language (a locale's tag), and values of all the kind's variables but the programme.

    ``kind``: another than the source's, if what it is about asks for other words. ``untold``: what it does not
    tell of what it is about, and why.
    """

    to: tuple[Recipient, ...]
    locale: str
    values: Mapping[str, Value] = field(repr=False)
    card: "SentCard | None" = None
    kind: NoticeKind | None = None
    untold: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentCard:
    """A gift card whose code goes with the mail, in the words of the mail's language."""

    card_id: UUID
    text: CardText = field(repr=False)


Gather: TypeAlias = Callable[[Asked], Awaitable[Facts | Outcome]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where notices of a kind come from: the ``topic`` of the outbox whose messages they tell of, and ``also``.

    None: a job promises them. ``gather`` finds out what is so when the mail is due. ``is_event``: the topic is an
    event that others listen to as well; a mail that fails must not hold it up, so a message of its own is promised
    for the mail.
    """

    kind: NoticeKind
    topic: str | None
    gather: Gather
    is_event: bool = True
    also: str | None = None


async def member_facts(asked: Asked, account: str, values: Mapping[str, Value]) -> Facts | Outcome:
    """For a member who wants notices, by the account's public id as messages write it: with the balance of now.

    ``values`` may be more than the kind has variables.
    """
    found = await rows.recipient(asked.connection, asked.programme.id, UUID(hex=account))
    if found is None or not found.notices:
        return Outcome.NOT_OPTED_IN
    if found.email is None:
        return Outcome.NO_ADDRESS
    if found.refused:
        return Outcome.ADDRESS_REFUSED
    settings = asked.programme.settings_at(asked.now)
    balance = await ledger.balance(
        asked.connection,
        asked.programme.id,
        found.account_id,
        now=asked.now,
        point_value=settings.current_point_value,
    )
    common: dict[str, Value] = {
        "balance": balance.spendable,
        "balance_value": balance.value,
        "debt": balance.debt or None,
        "account_page": asked.settings.account_url,
    }
    to = Recipient(found.email, None, found.account_id, found.public_id)
    return Facts((to,), found.locale or asked.programme.locales[0], {**common, **values})
