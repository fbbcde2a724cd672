"""The languages of a programme and its own notices: no language is taken away in which a notice says something."""

import asyncio

import pytest

from pointbook.db.session import Database
from pointbook.domain.errors import InvalidInput
from pointbook.domain.notices import NoticeKind
from pointbook.services.audit import Action, Wanted, list_entries
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.locales import change_locales
from pointbook.services.notices.wording import SaveText, Wording, reset_text, save_text
from tests.support import NOW, SECRET, server
from tests.unanswered import commits_unanswered

WELCOME = NoticeKind.WELCOME


async def to(installation: Installation, programme: ProgrammeSnapshot, *locales: str) -> tuple[str, ...]:
    return (await change_locales(installation, programme.id, locales, now=NOW)).locales


async def save(installation: Installation, programme: ProgrammeSnapshot) -> Wording:
    return await save_text(installation, server(programme), SaveText(WELCOME, "pl", "Hej", "Hej!", 0), now=NOW)


async def test_a_language_stays_while_a_notice_has_a_text_in_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    tags = programme.locales
    await to(installation, programme, *tags, "pl")
    await save(installation, programme)
    with pytest.raises(InvalidInput, match="must have pl, in which the notice WELCOME has a text"):
        await to(installation, programme, *tags)
    await reset_text(installation, server(programme), WELCOME, "pl", now=NOW)
    assert await to(installation, programme, *tags) == tags


async def test_no_text_is_saved_in_a_language_that_another_process_has_taken_away(
    db: Database, installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = Installation.of(Database(db.pool), SECRET)
    await to(installation, programme, *programme.locales, "pl")
    assert "pl" in (await other.programmes.get(programme.id)).locales
    await to(installation, programme, *programme.locales)
    with pytest.raises(InvalidInput, match="must be one of"):
        await save(other, programme)
    with pytest.raises(InvalidInput, match="must be one of"):
        await reset_text(other, server(programme), WELCOME, "pl", now=NOW)


async def test_of_a_text_and_the_end_of_its_language_at_once_one_is_refused(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await to(installation, programme, *programme.locales, "pl")
    done = await asyncio.gather(
        save(installation, programme),
        to(installation, programme, *programme.locales),
        return_exceptions=True,
    )
    assert [isinstance(answer, InvalidInput) for answer in done].count(True) == 1


async def test_languages_whose_answer_is_lost_are_changed_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    with commits_unanswered():
        assert await to(installation, programme, *programme.locales, "pl") == (*programme.locales, "pl")
    wanted = Wanted(actions=(Action.LOCALES_CHANGED,))
    assert len(await list_entries(installation, programme.id, first=5, wanted=wanted)) == 1
