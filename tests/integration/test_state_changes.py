"""Whoever has not heard of a programme's change yet does nothing that it does not allow any more."""

from datetime import timedelta

import pytest

from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency
from tests.support import NOW, SECRET, join_member, make_programme, order_document, spendable

LATER = NOW + timedelta(seconds=11)


async def stop_earning(db: Database, programme: ProgrammeSnapshot) -> None:
    """In another process: this one keeps what it knows of the programme for some seconds."""
    await change_state(Installation.of(db, SECRET), programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)


async def close(db: Database, programme: ProgrammeSnapshot) -> None:
    await stop_earning(db, programme)
    await change_state(Installation.of(db, SECRET), programme.id, ProgrammeState.CLOSED, now=LATER)


async def with_order(installation: Installation, reported: str | None) -> ProgrammeSnapshot:
    programme = await make_programme(installation)
    await join_member(installation, programme)
    if reported is not None:
        await submit_order(installation, programme.id, order_document(status=reported), now=NOW)
    await installation.programmes.get(programme.id)
    return programme


@pytest.mark.parametrize("reported", [None, "NEW"])
async def test_an_order_earns_nothing_once_earning_has_stopped(
    installation: Installation, db: Database, reported: str | None
) -> None:
    programme = await with_order(installation, reported)
    await stop_earning(db, programme)
    answer = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (answer.outcome, answer.points) == ("EARNED", 0)
    assert await spendable(installation, programme) == 0


@pytest.mark.parametrize("reported", [None, "NEW"])
async def test_no_order_is_taken_once_the_programme_is_closed(
    installation: Installation, db: Database, reported: str | None
) -> None:
    programme = await with_order(installation, reported)
    await close(db, programme)
    with pytest.raises(errors.ProgrammeNotOpen):
        await submit_order(installation, programme.id, order_document(), now=LATER)


async def test_an_order_in_a_currency_of_the_past_is_refused(installation: Installation, db: Database) -> None:
    programme = await with_order(installation, None)
    await close(db, programme)
    other = Installation.of(db, SECRET)
    settings = ProgrammeSettings.from_document({"qualifyingStatuses": ["PAID"]}, "USD")
    await change_currency(other, programme.id, "USD", settings, now=LATER)
    await change_state(other, programme.id, ProgrammeState.ACTIVE, now=LATER)
    with pytest.raises(errors.CurrencyMismatch):
        await submit_order(installation, programme.id, order_document(currency="EUR"), now=LATER)


async def test_nobody_joins_once_the_programme_is_closed_or_gets_points_once_earning_has_stopped(
    installation: Installation, db: Database
) -> None:
    stopped, closed = [await make_programme(installation, {"signUpPoints": 100}) for _ in range(2)]
    await stop_earning(db, stopped)
    await close(db, closed)
    assert (await join(installation, stopped.id, Join("c-1"), now=NOW)).member.sign_up_points == 0
    with pytest.raises(errors.ProgrammeNotOpen):
        await join(installation, closed.id, Join("c-1"), now=LATER)
