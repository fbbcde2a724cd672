"""Sendings are worked at document by document, by anybody, through crashes: each document has its effect once."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pointbook.db.queries import order_sendings as jobs
from pointbook.services import document_sending, order_sendings, sending_batches
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import SubmittedOrder, submit_order
from pointbook.services.order_sendings import Filter, OrderSending, SendingState, cancel_sending
from pointbook.services.returns import apply_all_parked
from tests.hanging import Hung
from tests.integration.sendings import (
    accruals,
    documents,
    found,
    kept_return,
    let_leases_run_out,
    points_of,
    results,
    sent,
    take_back,
    waiting,
    worked_once,
)
from tests.support import NOW, join_member, make_programme, order_document, outcomes, spendable, topics

NAMES = [f"o-{number}" for number in range(6)]
POT = [{"id": "1", "articleId": "pot", "quantity": 1, "amount": "70.00"}]
ALL = Filter(statuses=("OPEN",))


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sending waits for a worker."""
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)


async def fill(installation: Installation, programme: ProgrammeSnapshot) -> None:
    """Six orders that wait, of three members."""
    for number in range(3):
        await join_member(installation, programme, f"c-{number}")
    for number, name in enumerate(NAMES):
        await waiting(installation, programme, name, customer_id=f"c-{number % 3}")


async def once_each(installation: Installation, programme: ProgrammeSnapshot) -> None:
    """Every order has earned, and its member was told, once."""
    assert await accruals(installation, programme) == NAMES
    assert await points_of(installation, programme) == dict.fromkeys(NAMES, 50)
    assert (await topics(installation.db, programme)).count("points.credited") == len(NAMES)
    assert sum([await spendable(installation, programme, f"c-{number}") for number in range(3)]) == 300


async def complete(installation: Installation, programme: ProgrammeSnapshot, sending: OrderSending) -> None:
    """Every document has its result, and the sums are theirs."""
    done = await found(installation, programme, sending)
    told = await documents(installation, programme, sending)
    assert (done.state, done.documents_done, done.documents_total) == (SendingState.DONE, 6, 6)
    assert [one.position for one in told] == [1, 2, 3, 4, 5, 6]
    assert all(one.outcome is not None for one in told)
    assert done.points_earned == sum(one.points_earned for one in told)


async def test_two_sendings_of_the_same_orders_at_once_earn_each_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await fill(installation, programme)
    sendings = await asyncio.gather(*(sent(installation, programme, *NAMES) for _ in range(4)))
    assert len({sending.id for sending in sendings}) == 4
    told = [await results(installation, programme, sending) for sending in sendings]
    for name in NAMES:
        assert sorted(str(each[name][0]) for each in told) == ["ALREADY_PROCESSED"] * 3 + ["EARNED"]
    assert sum(sending.points_earned for sending in sendings) == 300
    await once_each(installation, programme)


@pytest.mark.parametrize("status", ["PAID", "OPEN"])
async def test_a_sending_against_reports_of_the_same_order_at_once(
    installation: Installation, programme: ProgrammeSnapshot, status: str
) -> None:
    await fill(installation, programme)
    orders = [
        order_document(name, status=status, customer_id=f"c-{number % 3}") for number, name in enumerate(NAMES)
    ]
    first, second, submitted = await asyncio.gather(
        sent(installation, programme, *NAMES),
        sent(installation, programme, filter=ALL),
        asyncio.gather(*(submit_order(installation, programme.id, order, now=NOW) for order in orders)),
    )
    assert outcomes(submitted, SubmittedOrder) == len(NAMES)
    for sending in (first, second):
        told = await results(installation, programme, sending)
        assert {outcome for outcome, *_ in told.values()} <= {"EARNED", "ALREADY_PROCESSED"}
    await once_each(installation, programme)


async def test_a_sending_against_its_customer_joining_at_once(installation: Installation) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    await waiting(installation, programme, *NAMES, status="PAID")
    sending, _, again = await asyncio.gather(
        sent(installation, programme, *NAMES),
        join_member(installation, programme),
        sent(installation, programme, *reversed(NAMES)),
    )
    for one in (sending, again):
        told = await results(installation, programme, one)
        assert {outcome for outcome, *_ in told.values()} <= {"EARNED", "ALREADY_PROCESSED", "PARKED"}
    assert await accruals(installation, programme) == NAMES
    assert await spendable(installation, programme) == 300


async def test_a_return_that_is_sent_and_reported_at_once_has_its_effect_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await fill(installation, programme)
    await take_back(installation, programme, "r-0", "o-0", type="WARRANTY")
    returned = [take_back(installation, programme, "r-1", "o-1") for _ in range(2)]
    sendings = [sent(installation, programme, ids) for ids in ("o-0,r-0,o-1,r-1", "r-1,o-1,r-0,o-0")]
    done, _ = await asyncio.gather(asyncio.gather(*sendings), asyncio.gather(*returned))
    assert [one.state for one in done] == [SendingState.DONE] * 2
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select external_id, state, number from return_document order by 1")
    assert [tuple(row) for row in rows] == [("r-0", "APPLIED", 1), ("r-1", "APPLIED", 1)]
    assert await spendable(installation, programme, "c-0") == 0
    assert await spendable(installation, programme, "c-1") == 0


async def test_an_order_that_is_corrected_before_it_is_locked_earns_what_it_is_by_then(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    hung = Hung(monkeypatch, document_sending, "_known")
    sending = asyncio.create_task(sent(installation, programme, "o-1"))
    await hung.reached.wait()
    await waiting(installation, programme, "o-1", lines=POT)
    hung.let_go.set()
    assert await results(installation, programme, await sending) == {"o-1": ("EARNED", 70, 0, 0)}
    again = await submit_order(
        installation,
        programme.id,
        order_document(lines=POT),
        now=NOW,
    )
    assert (again.points, again.replayed) == (70, True)
    assert hung.calls == 2


@pytest.mark.usefixtures("queued")
async def test_r23_a_return_of_the_sending_is_by_hand_even_if_somebody_applies_it_first(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = await make_programme(installation, {"typeEffects": {"WARRANTY": "NOTHING"}})
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await kept_return(installation, programme, "r-1", "o-1", type="WARRANTY")
    sending = await sent(installation, programme, "o-1,r-1")
    hung = Hung(monkeypatch, sending_batches._Sending, "_settle", number=2, done=False)
    working = asyncio.create_task(worked_once(installation, programme))
    await hung.reached.wait()
    assert await apply_all_parked(installation.db, installation.programmes, now=NOW) == 1
    hung.let_go.set()
    assert await working
    assert await results(installation, programme, sending) == {
        "o-1": ("EARNED", 50, 0, 0),
        "r-1": ("ALREADY_PROCESSED", 0, 0, 0),
    }
    assert await spendable(installation, programme) == 0


STEPS = [
    (jobs, "held", True),
    (document_sending, "_send_order", False),
    (document_sending, "_send_order", True),
    (jobs, "advance", False),
    (jobs, "advance", True),
]


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(("module", "step", "done"), STEPS)
async def test_killed_at_a_document_another_worker_resumes_with_it(
    installation: Installation,
    programme: ProgrammeSnapshot,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    step: str,
    *,
    done: bool,
    dry_run: bool,
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES, dry_run=dry_run)
    with monkeypatch.context() as patch:
        hung = Hung(patch, module, step, number=2, done=done)
        killed = asyncio.create_task(worked_once(installation, programme))
        await hung.reached.wait()
        assert not await worked_once(installation, programme), "somebody works at it"
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
    assert killed.cancelled()
    part = await found(installation, programme, sending)
    assert 0 <= part.documents_done < 6
    assert part.points_earned == 50 * part.documents_done
    earned = {} if dry_run else dict.fromkeys(_done(await results(installation, programme, sending)), 50)
    assert await points_of(installation, programme) == earned, "an effect is there exactly with its result"
    assert not await worked_once(installation, programme), "its lease holds"
    await let_leases_run_out(installation, programme)
    assert await worked_once(installation, programme)
    await complete(installation, programme, sending)
    assert await results(installation, programme, sending) == dict.fromkeys(NAMES, ("EARNED", 50, 0, 0))
    if dry_run:
        assert await accruals(installation, programme) == []
    else:
        await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize(("module", "step", "done"), STEPS)
async def test_let_go_instead_of_killed_it_goes_on_by_itself(
    installation: Installation,
    programme: ProgrammeSnapshot,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    step: str,
    *,
    done: bool,
) -> None:
    # The control of the test above: what hung there has its effect when it is not killed.
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    hung = Hung(monkeypatch, module, step, number=2, done=done)
    slow = asyncio.create_task(worked_once(installation, programme))
    await hung.reached.wait()
    hung.let_go.set()
    assert await slow
    await complete(installation, programme, sending)
    await once_each(installation, programme)


async def test_a_call_that_is_killed_is_finished_by_the_worker_and_found_by_its_key(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    with monkeypatch.context() as patch:
        hung = Hung(patch, jobs, "advance", number=3)
        call = asyncio.create_task(sent(installation, programme, *NAMES, key="k"))
        await hung.reached.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    again = await sent(installation, programme, *NAMES, key="k")
    assert (again.state, again.documents_done) == (SendingState.RUNNING, 2)
    await let_leases_run_out(installation, programme)
    assert await worked_once(installation, programme)
    await complete(installation, programme, again)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_who_comes_back_after_the_lease_writes_nothing(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    hung = Hung(monkeypatch, sending_batches._Sending, "_settle", number=2, done=False)
    slow = asyncio.create_task(worked_once(installation, programme))
    await hung.reached.wait()
    assert (await found(installation, programme, sending)).documents_done == 1
    await let_leases_run_out(installation, programme)
    assert await worked_once(installation, programme, 2)
    hung.let_go.set()
    await slow
    assert (await found(installation, programme, sending)).documents_done == 3
    while await worked_once(installation, programme, 2):
        pass
    await complete(installation, programme, sending)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_workers_at_the_same_time_settle_each_document_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await fill(installation, programme)
    sendings = [await sent(installation, programme, *NAMES) for _ in range(3)]
    while any([(await found(installation, programme, one)).state is not SendingState.DONE for one in sendings]):
        await asyncio.gather(*(worked_once(installation, programme, 2) for _ in range(4)))
    for sending in sendings:
        await complete(installation, programme, sending)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_cancelled_it_stands_after_the_document_at_hand(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    hung = Hung(monkeypatch, jobs, "advance", number=2)
    working = asyncio.create_task(worked_once(installation, programme))
    await hung.reached.wait()
    cancelling = asyncio.create_task(cancel_sending(installation, programme.id, sending.id, now=NOW))
    await asyncio.sleep(0.05)
    assert not cancelling.done(), "it waits for the document at hand"
    hung.let_go.set()
    cancelled = await cancelling
    await working
    assert cancelled.state is SendingState.CANCELLED
    assert 2 <= cancelled.documents_done < 6
    assert not await worked_once(installation, programme)
    settled = _done(await results(installation, programme, sending))
    assert len(settled) == cancelled.documents_done
    assert await points_of(installation, programme) == dict.fromkeys(settled, 50)
    assert await cancel_sending(installation, programme.id, sending.id, now=NOW) == cancelled
    rest = await sent(installation, programme, filter=ALL)
    assert await worked_once(installation, programme)
    assert (await found(installation, programme, rest)).documents_total == 6 - len(settled)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_cancelled_before_it_began_nothing_is_settled(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    cancelled = await cancel_sending(installation, programme.id, sending.id, now=NOW)
    assert (cancelled.state, cancelled.documents_done) == (SendingState.CANCELLED, 0)
    assert not await worked_once(installation, programme)
    assert await accruals(installation, programme) == []
    assert {one.outcome for one in await documents(installation, programme, sending)} == {None}


@pytest.mark.usefixtures("queued")
async def test_a_document_that_fails_again_and_again_is_refused_and_the_others_are_settled(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    original = document_sending._send_order

    async def broken(connection: Any, of: Any, name: str, *more: Any) -> Any:
        if name == "o-1":
            raise LookupError("a defect")
        return await original(connection, of, name, *more)

    monkeypatch.setattr(document_sending, "_send_order", broken)
    failures = 0
    while (await found(installation, programme, sending)).state is not SendingState.DONE:
        try:
            assert await worked_once(installation, programme)
        except LookupError:
            failures += 1
            assert not await worked_once(installation, programme), "it rests for a while"
            await let_leases_run_out(installation, programme)
    assert failures == sending_batches.ATTEMPTS_MAX
    await complete(installation, programme, sending)
    told = await results(installation, programme, sending)
    assert told["o-1"] == ("REFUSED: UNEXPECTED", 0, 0, 0)
    assert set(await accruals(installation, programme)) == set(NAMES) - {"o-1"}
    monkeypatch.setattr(document_sending, "_send_order", original)
    await sent(installation, programme, "o-1")
    assert await worked_once(installation, programme)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_a_server_that_breaks_off_a_document_is_asked_again(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    original = jobs.advance
    failed: list[bool] = []

    async def once_broken(*arguments: Any) -> bool:
        answer = await original(*arguments)
        if len(failed) < 2:
            failed.append(answer)
            raise asyncpg.DeadlockDetectedError("somebody else was first")
        return answer

    monkeypatch.setattr(jobs, "advance", once_broken)
    assert await worked_once(installation, programme)
    assert len(failed) == 2
    await complete(installation, programme, sending)
    await once_each(installation, programme)


@pytest.mark.usefixtures("queued")
async def test_an_answer_that_is_lost_after_the_commit_doubles_nothing(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    sending = await sent(installation, programme, *NAMES)
    original = sending_batches._Sending._once
    lost: list[Any] = []

    async def losing(*arguments: Any) -> Any:
        answer = await original(*arguments)
        if len(lost) < 2:
            lost.append(answer)
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(sending_batches._Sending, "_once", losing)
    assert await worked_once(installation, programme)
    assert len(lost) == 2
    await complete(installation, programme, sending)
    assert (await found(installation, programme, sending)).points_earned == 300
    await once_each(installation, programme)


async def test_tidying_keeps_what_is_open_or_new(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(installation, programme)
    old = await sent(installation, programme, "o-0,o-1,o-2")
    new = await sent(installation, programme, "o-3")
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)
    waits = await sent(installation, programme, "o-4")
    monkeypatch.setattr(sending_batches, "_PRUNED_AT_ONCE", 2)
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update order_sending set changed_at = changed_at - $1::interval where sending_id = any($2::uuid[])",
            sending_batches.KEPT_FOR + timedelta(hours=1),
            [old.id, waits.id],
        )
    await sending_batches.tidy(installation.db)
    kept = await order_sendings.list_sendings(installation, programme.id)
    assert {one.id for one in kept} == {new.id, waits.id}
    assert await documents(installation, programme, old) == []
    assert len(await documents(installation, programme, new)) == 1


def _done(told: dict[str, tuple[str | None, int, int, int]]) -> list[str]:
    return [name for name, (outcome, *_) in told.items() if outcome is not None]
