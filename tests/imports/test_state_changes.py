"""An import that has not heard of a programme's change yet goes by it all the same."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.services import intake
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.members import find_member
from pointbook.services.programmes import change_state
from tests.imports.files import imported, json_lines, order_rows
from tests.support import NOW, SECRET, join_member, make_programme, order_document, spendable

LATER = NOW + timedelta(seconds=11)


def later() -> datetime:
    return LATER


async def stop_earning(db: Database, programme: ProgrammeSnapshot) -> None:
    """In another process: this one keeps what it knows of the programme for some seconds."""
    await change_state(Installation.of(db, SECRET), programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)


async def close(db: Database, programme: ProgrammeSnapshot) -> None:
    await stop_earning(db, programme)
    await change_state(Installation.of(db, SECRET), programme.id, ProgrammeState.CLOSED, now=LATER)


async def test_orders_earn_nothing_once_earning_has_stopped(
    installation: Installation, db: Database, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await join_member(installation, programme)
    await stop_earning(db, programme)
    report = await imported(installation, programme, json_lines(tmp_path / "o.jsonl", [order_document()]))
    assert (report.counts.earned, report.counts.points) == (1, 0)
    assert await spendable(installation, programme) == 0


async def test_an_import_of_orders_ends_once_the_programme_is_closed(
    installation: Installation, db: Database, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await close(db, programme)
    with pytest.raises(errors.ProgrammeNotOpen):
        await imported(installation, programme, json_lines(tmp_path / "o.jsonl", [order_document()]), clock=later)
    assert await order_rows(installation, programme) == []


@pytest.mark.parametrize("refusal", [errors.ProgrammeNotOpen("CLOSED"), errors.ClockAhead(NOW)])
async def test_an_order_taken_by_itself_is_not_refused_for_what_is_not_its_fault(
    installation: Installation,
    programme: ProgrammeSnapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: errors.PointbookError,
) -> None:
    async def submit_order(*_arguments: Any, **_more: Any) -> None:
        raise refusal

    monkeypatch.setattr(intake, "submit_order", submit_order)
    path = json_lines(tmp_path / "orders.jsonl", [order_document(voucherCode="0000-0000-0000")])
    with pytest.raises(type(refusal)):
        await imported(installation, programme, path)


async def test_an_import_of_members_ends_once_the_programme_is_closed(
    installation: Installation, db: Database, tmp_path: Path
) -> None:
    programme = await make_programme(installation)
    await close(db, programme)
    path = json_lines(tmp_path / "members.jsonl", [{"externalId": "c-1"}])
    with pytest.raises(errors.ProgrammeNotOpen):
        await import_members(installation, programme.id, path, clock=later)
    assert await find_member(installation, programme.id, "c-1") is None
