"""A programme's own words for its notices: saved, listed, given up for the product's."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pointbook.db.queries import notice_desk as rows
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.access import Principal
from pointbook.domain.errors import EditConflict, InvalidInput
from pointbook.domain.notices import NoticeKind, checked_body, checked_subject
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.texts.notice_texts import NoticeText, default_text
from pointbook.texts.phrasing import Phrasing


@dataclass(frozen=True, slots=True)
class OwnText:
    """``version`` counts its changes. ``label``: what the key is called that made the last."""

    text: NoticeText
    version: int
    changed_at: datetime
    changed_by: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """What a kind says in a locale: the programme's ``own`` words, else the product's."""

    kind: NoticeKind
    locale: str
    default: NoticeText
    own: OwnText | None


@dataclass(frozen=True, slots=True)
class SaveText:
    """``version``: of the own text that was seen; 0: there was none."""

    kind: NoticeKind
    locale: str
    subject: str
    body: str
    version: int


async def list_wordings(
    installation: Installation, programme_id: int, kind: NoticeKind | None = None
) -> list[Wording]:
    """Of every kind, or of one, in each of the programme's locales."""
    programme = await installation.programmes.get(programme_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = {
            (row["kind"], row["locale"]): _own(row) for row in await rows.all_templates(connection, programme_id)
        }
    return [
        Wording(one, locale, default_for(programme, one, locale), found.get((one, locale)))
        for one in NoticeKind
        for locale in programme.locales
        if kind in (None, one)
    ]


async def save_text(
    installation: Installation, principal: Principal, command: SaveText, *, now: datetime
) -> Wording:
    """Say it in the programme's own words from now on. Raises InvalidInput, which names a variable that is wrong,
    and EditConflict.
    """
    programme_id, kind, locale = principal.programme_id, command.kind, command.locale
    text = NoticeText(checked_subject(kind, command.subject), checked_body(kind, command.body))

    async def attempt() -> Wording:
        async with _changing(installation, programme_id, kind, locale) as (connection, seen):
            before = seen.own
            version = 0 if before is None else before.version
            if before is not None and before.text == text:
                return seen
            if command.version != version:
                raise EditConflict(_subject(kind, locale), version)
            own = OwnText(text, version + 1, now, principal.identity)
            await rows.save_template(
                connection, programme_id, [kind, locale, *text, own.version, now, own.changed_by]
            )
            change = _change(kind, locale, before, text)
            await audit.append(connection, programme_id, [change], by=principal.identity, now=now)
            return replace(seen, own=own)

    return await retrying(attempt)


async def reset_text(
    installation: Installation, principal: Principal, kind: NoticeKind, locale: str, *, now: datetime
) -> Wording:
    """Say it in the product's words again; again: nothing. Raises InvalidInput."""
    programme_id = principal.programme_id

    async def attempt() -> Wording:
        async with _changing(installation, programme_id, kind, locale) as (connection, seen):
            if seen.own is not None:
                await rows.delete_template(connection, programme_id, kind, locale)
                change = _change(kind, locale, seen.own, None)
                await audit.append(connection, programme_id, [change], by=principal.identity, now=now)
            return replace(seen, own=None)

    return await retrying(attempt)


def check_locale(programme: ProgrammeSnapshot, locale: str) -> None:
    """Raises InvalidInput."""
    if locale not in programme.locales:
        raise InvalidInput("locale", f"must be one of {', '.join(programme.locales)}")


def default_for(programme: ProgrammeSnapshot, kind: NoticeKind, locale: str) -> NoticeText:
    return default_text(kind, Phrasing.of_texts(locale, programme.currency).language)


@contextlib.asynccontextmanager
async def _changing(
    installation: Installation, programme_id: int, kind: NoticeKind, locale: str
) -> AsyncIterator[tuple[Connection, Wording]]:
    """A transaction that holds the programme's row, so its languages stay what they are. Raises InvalidInput."""
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.lock_template(connection, programme_id, kind, locale)
        programme = await installation.programmes.inside(connection, programme_id)
        check_locale(programme, locale)
        own = None if row is None else _own(row)
        yield connection, Wording(kind, locale, default_for(programme, kind, locale), own)


def _change(kind: NoticeKind, locale: str, before: OwnText | None, after: NoticeText | None) -> Change:
    return Change(
        Action.NOTICE_TEXT_CHANGED,
        _subject(kind, locale),
        None if before is None else before.text._asdict(),
        None if after is None else after._asdict(),
    )


def _subject(kind: NoticeKind, locale: str) -> str:
    return f"notice text {kind.value} {locale}"


def _own(row: Any) -> OwnText:
    return OwnText(
        NoticeText(row["subject"], row["body"]), row["version"], row["changed_at"], row["changed_by"], row["label"]
    )
