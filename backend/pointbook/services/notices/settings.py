"""What a programme says of its notices, as it is kept: settings, and words of its own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from typing import Any

import structlog

from pointbook.db.queries import notice_desk as desk
from pointbook.db.queries import notices as rows
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.access import Principal
from pointbook.domain.notice_settings import NoticeSettings, checked
from pointbook.domain.notices import NoticeKind
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.mailing import AddressRefused, address
from pointbook.texts.notice_mail import COLOUR, Look
from pointbook.texts.notice_texts import NoticeText, default_text
from pointbook.texts.phrasing import Phrasing, best_text

log = structlog.get_logger(__name__)


async def settings_of(connection: Connection, programme_id: int) -> NoticeSettings:
    row = await rows.settings(connection, programme_id)
    return NoticeSettings() if row is None else _settings(row)


def answers_to(settings: NoticeSettings, programme_id: int) -> Address | None:
    """None also for what was kept and is no address: the mail is worth more than where answers go."""
    try:
        return None if settings.reply_to is None else address(None, settings.reply_to)
    except AddressRefused:
        log.warning("notice.reply_to_left_out", programme=programme_id)
        return None


def _settings(row: Any) -> NoticeSettings:
    return NoticeSettings(
        sender_name=row["sender_name"],
        reply_to=row["reply_to"],
        staff_addresses=tuple(row["staff_addresses"]),
        footer=row["footer"],
        colour=row["colour"],
        logo_url=row["logo_url"],
        account_url=row["account_url"],
        off=frozenset(map(NoticeKind, row["off"])),
        version=row["version"],
    )


async def change_settings(
    installation: Installation, principal: Principal, changes: Mapping[str, Any], *, now: datetime
) -> NoticeSettings:
    """Change what ``changes`` names, by the fields of ``NoticeSettings``. Raises InvalidInput."""

    async def attempt() -> NoticeSettings:
        async with installation.db.bare_transaction(principal.programme_id) as connection:
            row = await desk.lock_settings(connection, principal.programme_id)
            before = NoticeSettings() if row is None else _settings(row)
            after = checked(replace(before, **changes))
            if after == before:
                return before
            after = replace(after, version=before.version + 1)
            values = [
                *(after.sender_name, after.reply_to, list(after.staff_addresses), after.footer, after.colour),
                *(after.logo_url, after.account_url, sorted(after.off), after.version, now, principal.identity),
            ]
            await desk.save_settings(connection, principal.programme_id, values)
            told = [_document(installation, principal.programme_id, each) for each in (before, after)]
            change = Change(Action.NOTICE_SETTINGS_CHANGED, "notice settings", *told)
            await audit.append(connection, principal.programme_id, [change], by=principal.identity, now=now)
            return after

    return await retrying(attempt)


async def find_settings(installation: Installation, programme_id: int) -> NoticeSettings:
    async with installation.db.bare_transaction(programme_id) as connection:
        return await settings_of(connection, programme_id)


def _document(installation: Installation, programme_id: int, settings: NoticeSettings) -> dict[str, Any]:
    """For the audit, which holds no address of a person but shows that it is another, and of which domain."""

    def mark(address: str) -> str:
        digest = installation.secrets.derive("address in the audit", str(programme_id), address).hex()
        return f"{digest[:8]}@{address.rpartition('@')[2]}"

    return {
        "senderName": settings.sender_name,
        "replyTo": None if settings.reply_to is None else mark(settings.reply_to),
        "staffAddresses": [mark(address) for address in settings.staff_addresses],
        "footer": settings.footer,
        "colour": settings.colour,
        "logoUrl": settings.logo_url,
        "accountUrl": settings.account_url,
        "off": sorted(settings.off),
    }


def look_of(programme: ProgrammeSnapshot, settings: NoticeSettings) -> Look:
    return Look(
        settings.sender_name or programme.name, settings.colour or COLOUR, settings.logo_url, settings.footer
    )


async def text_for(
    connection: Connection, programme: ProgrammeSnapshot, kind: NoticeKind, locale: str
) -> tuple[NoticeText, Phrasing]:
    """The programme's words for a locale, else the product's for its language, and how figures are written."""
    own = {
        row["locale"]: NoticeText(row["subject"], row["body"])
        for row in await rows.templates(connection, programme.id, kind)
    }
    found = best_text(((tag, tag) for tag in own), locale)
    if found is not None:
        return own[found], Phrasing(locale, programme.currency)
    say = Phrasing.of_texts(locale, programme.currency)
    return default_text(kind, say.language), say
