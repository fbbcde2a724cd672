"""What a programme says of its notices, as it is kept: settings, and words of its own."""

from pointbook.db.queries import notices as rows
from pointbook.db.session import Connection
from pointbook.domain.notice_settings import NoticeSettings
from pointbook.domain.notices import NoticeKind
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.texts.notice_mail import COLOUR, Look
from pointbook.texts.notice_texts import NoticeText, default_text
from pointbook.texts.phrasing import Phrasing, best_text


async def settings_of(connection: Connection, programme_id: int) -> NoticeSettings:
    row = await rows.settings(connection, programme_id)
    if row is None:
        return NoticeSettings()
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
