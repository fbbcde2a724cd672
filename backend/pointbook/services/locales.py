"""The languages of a programme's texts: which there are, and which comes first."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pointbook.db.queries import catalogue as rows
from pointbook.db.queries.catalogue import Shelf
from pointbook.db.queries.notice_desk import all_templates
from pointbook.db.queries.programmes import lock_programme
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.catalogue import Kind
from pointbook.domain.catalogue import check_locales as check_locales_of
from pointbook.domain.errors import InvalidInput
from pointbook.domain.programme_settings import Texts
from pointbook.domain.rules import RuleState
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, subject_of
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.programmes import check_locales


async def change_locales(
    installation: Installation,
    programme_id: int,
    locales: Sequence[str],
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> ProgrammeSnapshot:
    """The programme's texts are in these languages, the first one by default; the same again: nothing.

    Where a text in a new language is missing, another is shown, as anywhere. Members keep the language that they
    chose. Raises InvalidInput, also while a rule, the settings, an offer or a notice have a text in a language
    that would be gone, or an offer has no name in the first.
    """
    wanted = tuple(dict.fromkeys(locales))
    check_locales(wanted)

    async def attempt() -> None:
        async with installation.db.bare_transaction(programme_id) as connection:
            await lock_programme(connection, programme_id)
            programme = await installation.programmes.inside(connection, programme_id)
            if wanted != programme.locales:
                await _refuse_losing(connection, programme, wanted, now)
                await _check_offers(connection, programme_id, GIFT_CARDS, wanted)
                await _check_offers(connection, programme_id, EXCHANGE_ITEMS, wanted)
                await connection.execute(_SET_LOCALES, programme_id, list(wanted))
                before, after = {"locales": list(programme.locales)}, {"locales": list(wanted)}
                change = Change(Action.LOCALES_CHANGED, "programme", before, after)
                await audit.append(connection, programme_id, [change], by=by, now=now)

    await retrying(attempt)
    installation.programmes.forget(programme_id)
    return await installation.programmes.get(programme_id)


async def _refuse_losing(
    connection: Connection, programme: ProgrammeSnapshot, locales: Sequence[str], now: datetime
) -> None:
    notices = [
        (f"the notice {row['kind']}", {row["locale"]}) for row in await all_templates(connection, programme.id)
    ]
    for what, used in (*_texts(programme, now), *notices):
        gone = used - set(locales)
        if gone:
            raise InvalidInput("locales", f"must have {min(gone)}, in which {what} has a text")


def _texts(programme: ProgrammeSnapshot, now: datetime) -> Iterator[tuple[str, set[str]]]:
    """The languages of the rules, and of the settings in force and to come."""
    for version in programme.book.newest().values():
        if version.state is not RuleState.DELETED:
            yield f"the rule {version.rule.name!r}", _languages(version.rule.labels)
    to_come = (version.settings for version in programme.versions if version.effective_from > now)
    for settings in (programme.settings_at(now), *to_come):
        yield "the setting standardPointsText", _languages(settings.standard_points_text)
        yield "the setting extraPointsText", _languages(settings.extra_points_text)


def _languages(texts: Texts) -> set[str]:
    return {locale for locale, _ in texts}


async def _check_offers(
    connection: Connection, programme_id: int, shelf: Shelf[Kind], locales: Sequence[str]
) -> None:
    for kept in await rows.all_offers(connection, programme_id, shelf):
        try:
            check_locales_of(kept.offer, locales, locales[0])
        except InvalidInput as refusal:
            what = subject_of(shelf, kept.offer.sku)
            raise InvalidInput("locales", f"do not suit the {what}: {refusal}") from refusal


_SET_LOCALES: Final = "update programme set locales = $2 where id = $1"
