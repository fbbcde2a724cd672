"""Joining: once, with sign-up points once, and with the orders that came before."""

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import EarningResult
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import Outcome, submit_order
from pointbook.services.joining import Join, join
from pointbook.services.judging import Judge
from pointbook.services.members import find_member
from pointbook.services.programmes import change_state
from pointbook.services.rejoining import rejoin_digest
from pointbook.services.settings_versions import change_currency
from pointbook.services.stores import NewStore, add_store
from tests.support import (
    DAY,
    MOMENT,
    NOW,
    SECRET,
    everything,
    join_member,
    make_programme,
    order_document,
    outbox,
    refused,
    spendable,
    topics,
)

SIGN_UP = {"signUpPoints": 100}


async def test_r14_the_address_that_a_parked_order_waits_for_may_be_corrected(installation: Installation) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    guest = {"externalId": "guest-9", "email": "ann@example.com"}
    wrong = {**guest, "email": "nan@example.com", "emailVerified": True}
    for customer in (guest, wrong, {**guest, "emailVerified": True}):
        answer = await submit_order(installation, programme.id, order_document(customer=customer), now=NOW)
        assert (answer.outcome, answer.replayed) == (Outcome.PARKED, False)
    again = order_document(customer={**guest, "email": "Ann@Example.com", "emailVerified": True})
    assert (await submit_order(installation, programme.id, again, now=NOW)).replayed
    other = await join(installation, programme.id, Join("c-2", "nan@example.com", email_verified=True), now=NOW)
    owner = await join(installation, programme.id, Join("c-1", "ann@example.com", email_verified=True), now=NOW)
    assert (other.released, owner.released) == (0, 1)


async def test_parked_orders_in_a_currency_of_the_past_are_not_released(installation: Installation) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    await submit_order(installation, programme.id, order_document("o-1"), now=NOW)
    by_address = {"externalId": "c-9", "email": "ann@example.com", "emailVerified": True}
    await submit_order(installation, programme.id, order_document("o-2", customer=by_address), now=NOW)
    later = NOW + timedelta(seconds=11)
    for state, now in ((ProgrammeState.EARNING_STOPPED, NOW), (ProgrammeState.CLOSED, later)):
        await change_state(installation, programme.id, state, now=now)
    yen = {"qualifyingStatuses": ["PAID"], "releaseParkedOnJoin": True, "revenuePerPoint": "100"}
    settings = ProgrammeSettings.from_document({**yen, "valuePerPoint": "1"}, "JPY")
    await change_currency(installation, programme.id, "JPY", settings, now=later)
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=later)
    joined = await join(installation, programme.id, Join("c-1", "ann@example.com", email_verified=True), now=later)
    assert joined.released == 0
    assert await spendable(installation, programme, now=later) == 0


async def test_joining_twice_is_joining_once(installation: Installation) -> None:
    programme = await make_programme(installation, SIGN_UP)
    first = await join(installation, programme.id, Join("c-1", "Ann@Example.com", locale="de"), now=NOW)
    before = await everything(installation.db, programme)
    second = await join(installation, programme.id, Join("c-1", "other@example.com"), now=NOW + DAY)
    assert (first.created, second.created) == (True, False)
    assert first.member == second.member
    assert first.member.email == "ann@example.com"
    assert await everything(installation.db, programme) == before
    assert await find_member(installation, programme.id, "c-1") == first.member
    assert await find_member(installation, programme.id, "c-2") is None


async def test_r12_sign_up_points_come_once_and_are_told_with_opaque_ids_only(installation: Installation) -> None:
    programme = await make_programme(installation, SIGN_UP)
    joined = await join(installation, programme.id, Join("customer-of-the-shop", "ann@example.com"), now=NOW)
    assert joined.member.sign_up_points == 100
    assert await spendable(installation, programme, "customer-of-the-shop") == 100
    messages = await outbox(installation.db, programme)
    assert [topic for topic, _ in messages] == ["member.joined", "points.credited"]
    assert "ann" not in str(messages)
    assert "customer" not in str(messages)


async def test_many_joins_at_once_make_one_member(installation: Installation) -> None:
    programme = await make_programme(installation, SIGN_UP)
    joined = await asyncio.gather(*(join(installation, programme.id, Join("c-1"), now=NOW) for _ in range(12)))
    assert sum(it.created for it in joined) == 1
    assert len({it.member.account_id for it in joined}) == 1
    assert await spendable(installation, programme) == 100
    async with installation.db.bare_transaction(programme.id) as connection:
        assert await connection.fetchval("select count(*) from ledger.account") == 1


@pytest.mark.parametrize(
    ("joined_at", "points"),
    [(datetime(2026, 3, 31, 21, 59, tzinfo=UTC), 100), (datetime(2026, 3, 31, 22, tzinfo=UTC), 0)],
)
async def test_e17_sign_up_points_belong_to_their_period_in_the_programmes_zone(
    installation: Installation, joined_at: datetime, points: int
) -> None:
    period = {"signUpFrom": "2026-03-01", "signUpUntil": "2026-03-31"}
    programme = await make_programme(installation, SIGN_UP | period)
    joined = await join(installation, programme.id, Join("c-1"), now=joined_at)
    assert joined.member.sign_up_points == points
    assert await spendable(installation, programme, now=joined_at) == points


@pytest.mark.parametrize(("at_once", "points"), [(True, 100), (False, 0)])
async def test_e17_sign_up_points_may_be_available_at_once_although_others_wait(
    installation: Installation, *, at_once: bool, points: int
) -> None:
    settings = {"waitingTime": {"hours": 48}, "signUpAvailableAtOnce": at_once}
    programme = await make_programme(installation, SIGN_UP | settings)
    await join_member(installation, programme)
    assert await spendable(installation, programme) == points
    assert await spendable(installation, programme, now=NOW + 2 * DAY) == 100


async def test_who_left_not_long_ago_gets_no_second_sign_up_bonus(installation: Installation) -> None:
    programme = await make_programme(installation, SIGN_UP)
    digest = rejoin_digest(installation, programme.id, "ann@example.com")
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("insert into rejoin_block values ($1, $2, $3)", programme.id, digest, NOW + DAY)
    blocked = await join(installation, programme.id, Join("c-1", "ANN@example.com"), now=NOW + DAY - MOMENT)
    free = await join(installation, programme.id, Join("c-2", "ann@example.com"), now=NOW + DAY)
    assert (blocked.member.sign_up_points, free.member.sign_up_points) == (0, 100)


async def test_while_earning_is_stopped_people_join_without_points(installation: Installation) -> None:
    programme = await make_programme(installation, SIGN_UP)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    assert (await join_member(installation, programme)).member.sign_up_points == 0


async def test_r14_parked_orders_are_released_by_joining_when_set(installation: Installation) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True, "basePointsPerOrder": 1})
    documents = [
        order_document("o-1", "10.00"),
        order_document("o-2", "20.00", status="NEW"),
        order_document("o-3", "40.00", customer_id="c-2"),
    ]
    for document in documents:
        await submit_order(installation, programme.id, document, now=NOW)
    joined = await join_member(installation, programme)
    assert joined.released == 2
    assert await spendable(installation, programme) == 11
    assert await _states(installation, programme) == {"o-1": "EARNED", "o-2": "RECEIVED", "o-3": "PARKED"}
    assert await topics(installation.db, programme) == [
        "member.joined",
        "points.credited",
        "points.credited_together",
    ]
    later = await submit_order(installation, programme.id, order_document("o-2", "20.00"), now=NOW)
    assert (later.outcome, later.points) == (Outcome.EARNED, 21)
    assert (await submit_order(installation, programme.id, documents[0], now=NOW)).replayed


async def test_r14_a_parked_order_is_released_whose_store_another_process_has_added(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    other = Installation.of(installation.db, SECRET)
    await installation.programmes.get(programme.id)  # from now on this process knows no store, for some seconds
    await add_store(other, programme.id, NewStore("s-1", "Main street"), now=NOW)
    await submit_order(other, programme.id, order_document(store="s-1"), now=NOW)
    assert (await join_member(installation, programme)).released == 1
    assert await spendable(installation, programme) == 50


@pytest.mark.parametrize(
    ("on_order", "on_joining", "released"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
async def test_r14_an_address_releases_orders_only_when_verified_on_both_sides(
    installation: Installation, *, on_order: bool, on_joining: bool, released: int
) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    guest = {"externalId": "guest-7", "email": "Ann@example.com", "emailVerified": on_order}
    await submit_order(installation, programme.id, order_document(customer=guest, status="NEW"), now=NOW)
    command = Join("c-1", "ann@EXAMPLE.com", email_verified=on_joining)
    assert (await join(installation, programme.id, command, now=NOW)).released == released
    paid = await submit_order(installation, programme.id, order_document(customer=guest), now=NOW)
    assert paid.outcome == (Outcome.EARNED if released else Outcome.PARKED)
    assert await spendable(installation, programme) == 50 * released


async def test_joining_and_ordering_at_once_never_miss_each_other(installation: Installation) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    for turn in range(10):
        customer_id = f"c-{turn}"
        document = order_document(f"o-{turn}", customer_id=customer_id)
        await asyncio.gather(
            submit_order(installation, programme.id, document, now=NOW),
            join(installation, programme.id, Join(customer_id), now=NOW),
        )
        assert await spendable(installation, programme, customer_id) == 50


async def test_counting_what_is_released_keeps_nobody_else_waiting(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True})
    await submit_order(installation, programme.id, order_document(), now=NOW)
    begun, served = threading.Event(), threading.Event()

    judged_in_time = Judge.order

    def judged_late(*arguments: Any, **more: Any) -> EarningResult:
        begun.set()
        assert served.wait(10), "nobody else was served meanwhile"
        return judged_in_time(*arguments, **more)

    async def serve() -> None:
        await asyncio.to_thread(begun.wait, 10)
        await find_member(installation, programme.id, "c-2")
        served.set()

    monkeypatch.setattr(Judge, "order", judged_late)
    joined, _ = await asyncio.gather(join_member(installation, programme), serve())
    assert joined.released == 1


@pytest.mark.parametrize(
    "command",
    [
        Join(""),
        Join("c\x00"),
        Join("\ud800"),
        Join("c" * 129),
        Join("c-1", "no address"),
        Join("c-1", email_verified=True),
        Join("c-1", locale="fr"),
        Join("c-1", birthday=date(1899, 12, 31)),
        Join("c-1", birthday=NOW.date() + DAY),
    ],
)
async def test_a_refused_joining_leaves_no_trace(
    installation: Installation, programme: ProgrammeSnapshot, command: Join
) -> None:
    call = join(installation, programme.id, command, now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)


async def test_nobody_joins_a_draft(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    call = join(installation, programme.id, Join("c-1"), now=NOW)
    await refused(call, errors.ProgrammeNotOpen, installation.db, programme)


async def _states(installation: Installation, programme: ProgrammeSnapshot) -> dict[str, Any]:
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select external_id, state from sales_order")
    return {row["external_id"]: row["state"] for row in rows}
