"""R35: a sending is asked for once, tried without effect, and refused where nothing may be sent."""

import asyncio
from typing import Any

import pytest

from pointbook.domain.errors import IdempotencyConflict, InvalidInput, ProgrammeNotOpen, SendingNotFound
from pointbook.services import order_sendings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.order_sendings import Filter, PointsAsOf, SendingState
from pointbook.services.programmes import change_state
from tests.integration.sendings import (
    EARNED,
    UNKNOWN,
    accruals,
    found,
    kept_return,
    results,
    sent,
    waiting,
    worked_once,
)
from tests.rules.shop import LONG_BEFORE, add_rule, rule
from tests.support import (
    DAY,
    NOW,
    SENDING_TABLES,
    everything,
    join_member,
    make_programme,
    order_document,
    refused,
)


async def test_a_dry_run_changes_nothing_and_tells_the_same(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # One of a customer after the other: the cap that the first fills, the return of an order that is sent with it.
    await join_member(installation, programme, now=LONG_BEFORE)
    await join_member(installation, programme, "c-2")
    capped = rule("BASE", 7, caps={"perDay": 10})
    await add_rule(installation, programme, capped, key="capped")
    await waiting(installation, programme, "o-1", "o-2")
    await waiting(installation, programme, "o-3", customer_id="c-2")
    await waiting(installation, programme, "o-4", customer_id="nobody")
    await submit_order(installation, programme.id, order_document("o-5", customer_id="c-2"), now=NOW)
    await kept_return(installation, programme, "r-5", "o-5")
    await kept_return(installation, programme, "r-3", "o-3")
    before = await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry"))
    ids = "o-1,o-2,o-3,o-4,o-5,r-5,r-3,r-6"
    dry = await sent(installation, programme, ids, dry_run=True)
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) == before
    told = await results(installation, programme, dry)
    assert (dry.state, dry.dry_run, dry.documents_done) == (SendingState.DONE, True, 8)
    assert (told["o-1"], told["o-2"]) == (("EARNED", 57, 0, 0), ("EARNED", 53, 0, 0))
    assert (told["r-5"][0], told["r-3"]) == ("REVERSED", ("REVERSED", 0, told["o-3"][1], 0))
    real = await sent(installation, programme, ids)
    assert await results(installation, programme, real) == told
    assert (real.points_earned, real.points_reversed) == (dry.points_earned, dry.points_reversed)
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) != before


async def test_the_same_key_is_the_same_sending_and_another_input_a_conflict(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    first = await sent(installation, programme, "o-1", "o-2", key="k")
    assert await sent(installation, programme, "o-2,o-1", key="k") == first
    for call in (
        sent(installation, programme, "o-1", key="k"),
        sent(installation, programme, "o-1", "o-2", dry_run=True, key="k"),
        sent(installation, programme, "o-1", "o-2", as_of=PointsAsOf.ORDER_DATE, key="k"),
        sent(installation, programme, filter=Filter(statuses=("OPEN",)), key="k"),
    ):
        await refused(call, IdempotencyConflict, installation.db, programme)
    other = await sent(installation, programme, "o-1", key="k", by="STAFF:st-2")
    assert other.id != first.id


async def test_the_same_call_many_times_at_once_is_one_sending(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    answers = await asyncio.gather(*(sent(installation, programme, "o-1,o-2", key="k") for _ in range(6)))
    assert len({answer.id for answer in answers}) == 1
    assert await accruals(installation, programme) == ["o-1", "o-2"]
    done = await found(installation, programme, answers[0])
    assert (done.state, done.points_earned) == (SendingState.DONE, 100)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "ids"),
        ({"filter": Filter()}, "ids"),
        ({"ids": [" , "]}, "ids"),
        ({"ids": ["o-1", "a\nb"]}, "ids[1]"),
        ({"ids": ["x" * 129]}, "ids[0]"),
        ({"filter": Filter(placed_from=NOW, placed_to=NOW)}, "filter.placedTo"),
        ({"filter": Filter(statuses=("PAID", ""))}, "filter.statuses[1]"),
        ({"ids": ["o-1"], "key": " "}, "idempotencyKey"),
    ],
)
async def test_bad_input_is_refused_by_its_field(
    installation: Installation, programme: ProgrammeSnapshot, given: dict[str, Any], field: str
) -> None:
    call = sent(installation, programme, *given.pop("ids", ()), **given)
    refusal = await refused(call, InvalidInput, installation.db, programme)
    assert refusal.field == field


async def test_no_sending_may_be_too_long(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(installation, programme, "o-1", "o-2", "o-3")
    monkeypatch.setattr(order_sendings, "DOCUMENTS_MAX", 2)
    for call, field in (
        (sent(installation, programme, "o-1,o-2,o-3"), "ids"),
        (sent(installation, programme, filter=Filter(statuses=("OPEN",))), "filter"),
    ):
        assert (await refused(call, InvalidInput, installation.db, programme)).field == field


async def test_a_programme_that_is_not_open_sends_nothing(installation: Installation) -> None:
    programme = await make_programme(installation)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await _close(installation, programme)
    await refused(sent(installation, programme, "o-1"), ProgrammeNotOpen, installation.db, programme)


async def test_closed_while_it_is_under_way_documents_are_refused_and_can_be_sent_again(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", 0)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    sending = await sent(installation, programme, "o-1")
    await _close(installation, programme)
    assert await worked_once(installation, programme)
    assert await results(installation, programme, sending) == {"o-1": ("REFUSED: PROGRAMME_NOT_OPEN", 0, 0, 0)}
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=NOW)
    again = await sent(installation, programme, "o-1")
    assert await worked_once(installation, programme)
    assert await results(installation, programme, again) == {"o-1": EARNED}


async def test_an_order_in_another_currency_is_refused(installation: Installation) -> None:
    programme = await make_programme(installation)
    await waiting(installation, programme, "o-1")
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update sales_order set currency = 'PLN'")  # as before a change of currency
    await join_member(installation, programme)
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": ("REFUSED: CURRENCY_MISMATCH", 0, 0, 0)}


async def test_another_programmes_sending_is_not_found(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = await make_programme(installation)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    sending = await sent(installation, programme, "o-1", key="k")
    with pytest.raises(SendingNotFound):
        await order_sendings.find_sending(installation, other.id, sending.id)
    with pytest.raises(SendingNotFound):
        await order_sendings.cancel_sending(installation, other.id, sending.id, now=NOW)
    assert await order_sendings.sent_documents(installation, other.id, sending.id) == []
    assert await order_sendings.list_sendings(installation, other.id) == []
    theirs = await sent(installation, other, "o-1", key="k")
    assert await results(installation, other, theirs) == {"o-1": UNKNOWN}


async def _close(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW - DAY)
    await change_state(installation, programme.id, ProgrammeState.CLOSED, now=NOW)
