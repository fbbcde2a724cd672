"""Bookings earn once, as the newest report says, whatever comes at the same time (R13, R14, R26)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from pointbook import ledger
from pointbook.db.queries import bookings
from pointbook.domain import errors
from pointbook.services import account, outbox
from pointbook.services.bookings import BookingOutcome, SubmittedBooking, submit_booking, submit_bookings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.members import MemberState, set_state
from pointbook.services.outbox import Message, Subscriptions
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency, change_settings
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    SECRET,
    booking_document,
    customer,
    everything,
    give_points,
    join_member,
    make_programme,
    order_document,
    outcomes,
    redeem,
    refused,
    spendable,
    topics,
)
from tests.worker.messages import age

HOUR = timedelta(hours=1)
LATER = NOW + 30 * DAY
"""When every appointment here is long over."""


async def salon(installation: Installation, *, joined: bool = True, **settings: Any) -> ProgrammeSnapshot:
    """25 points for a cut and nothing else; c-1 is a member."""
    programme = await make_programme(installation, {"earnsFromRevenue": False, **settings}, now=NOW - 30 * DAY)
    await add_rule(installation, programme)
    if joined:
        await join_member(installation, programme)
    return programme


async def add_rule(installation: Installation, programme: ProgrammeSnapshot, **more: Any) -> None:
    rule = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"], **more}
    await create_rule(installation, programme.id, rule, now=NOW - 30 * DAY)


async def book(
    installation: Installation, programme: ProgrammeSnapshot, *, now: datetime = NOW, **more: Any
) -> SubmittedBooking:
    return await submit_booking(installation, programme.id, booking_document(**more), now=now)


async def figures(
    installation: Installation, programme: ProgrammeSnapshot, *, now: datetime = NOW, customer: str = "c-1"
) -> tuple[int, int, int]:
    """Available, pending, debt."""
    balance = await account.balance(installation, programme.id, customer, now=now)
    assert balance is not None
    return balance.available, balance.pending, balance.debt


async def entries(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[str, int]]:
    """Kinds and occurrences of what bookings did."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select kind, occurrence from ledger.entry where source_type = 'booking' order by account_id, seq"
        )
    return [(row["kind"], row["occurrence"]) for row in rows]


async def waiting(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[timedelta, int]]:
    """In how many hours credits will be told of, and of how many points; what was delivered is not in it."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select due_at - now() as delay, payload from outbox_message"
            " where topic = 'points.credited' and delivered_at is null order by id"
        )
    return [(timedelta(hours=round(row["delay"] / HOUR)), orjson.loads(row["payload"])["points"]) for row in rows]


# --- what is earned ----------------------------------------------------------------------------------


async def test_r13_booked_points_are_pending_until_three_hours_after_the_end(installation: Installation) -> None:
    programme = await salon(installation)
    booked = await book(installation, programme)
    ends = NOW + 2 * HOUR
    assert (booked.outcome, booked.points, booked.available_from) == (
        BookingOutcome.EARNED,
        25,
        ends + 3 * HOUR,
    )
    just_before = ends + 3 * HOUR - timedelta(microseconds=1)
    assert await figures(installation, programme, now=just_before) == (0, 25, 0)
    assert await figures(installation, programme, now=ends + 3 * HOUR) == (25, 0, 0)


async def test_r13_expiry_counts_from_when_they_become_available(installation: Installation) -> None:
    programme = await salon(installation, expiry={"days": 10}, expiryCountsFrom="EARNING", waitingTime={"days": 7})
    await book(installation, programme, starts_at=NOW + 20 * DAY)  # later than the expiry of what is earned today
    day = (NOW + 20 * DAY + 4 * HOUR).date()
    end = datetime.combine(day + timedelta(days=11), datetime.min.time(), UTC) - 2 * HOUR  # summer time by then
    moment = timedelta(microseconds=1)
    assert await figures(installation, programme, now=end - moment) == (25, 0, 0)
    assert await figures(installation, programme, now=end) == (0, 0, 0)


async def test_r16_an_end_on_a_date_is_measured_by_when_the_points_become_available(
    installation: Installation,
) -> None:
    # The waiting time, which is for other points, would be over after that date; an appointment may be too.
    programme = await salon(installation, waitingTime={"days": 30})
    end = (NOW + 10 * DAY).date().isoformat()
    await add_rule(installation, programme, points=40, expiry={"on": end})  # the better one, as long as it gives
    assert (await book(installation, programme, starts_at=NOW + 9 * DAY)).points == 40
    assert (await book(installation, programme, starts_at=NOW + 11 * DAY)).points == 25
    after = NOW + 12 * DAY
    assert await figures(installation, programme, now=after) == (25, 0, 0)


async def test_a_group_earns_for_each_participant(installation: Installation) -> None:
    programme = await salon(installation)
    assert (await book(installation, programme, participants=4)).points == 100
    assert (await book(installation, programme, participants=3)).points == 75
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert await figures(installation, programme) == (0, 75, 0)


async def test_a_service_without_a_rule_earns_nothing_and_is_recorded(installation: Installation) -> None:
    programme = await salon(installation)
    told = await book(installation, programme, serviceId="shave")
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 0)
    assert await topics(installation.db, programme) == ["member.joined"]


async def test_rules_test_their_days_on_when_it_was_booked(installation: Installation) -> None:
    programme = await salon(installation)
    await add_rule(installation, programme, points=5, stackGroup="monday", weekdays=["MONDAY"])
    sunday, monday = NOW - 7 * DAY, NOW - 6 * DAY
    assert (await book(installation, programme, bookedAt=sunday.isoformat())).points == 25
    assert (await book(installation, programme, external_id="b-2", bookedAt=monday.isoformat())).points == 30
    moved = await book(installation, programme, external_id="b-2", starts_at=NOW + DAY)
    assert moved.points == 30  # it was booked on that Monday all the same


async def test_stores_and_channels_are_tested_and_a_store_that_is_off_earns_nothing(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    for store in ("mitte", "west"):
        await add_store(installation, programme.id, NewStore(store, store), now=NOW)
    await add_rule(installation, programme, points=5, stackGroup="mitte", stores=["mitte"])
    assert (await book(installation, programme, store="mitte")).points == 30
    assert (await book(installation, programme, store="west")).points == 25
    await switch_store(installation, programme.id, "mitte", active=False, now=NOW)
    assert (await book(installation, programme, store="mitte")).points == 0
    refusal = book(installation, programme, store="nord")
    await refused(refusal, errors.UnknownStore, installation.db, programme)


async def test_r8_what_is_taken_back_leaves_its_room_under_caps(installation: Installation) -> None:
    programme = await salon(installation)
    await add_rule(installation, programme, points=10, stackGroup="capped", caps={"perDay": 15})
    assert (await book(installation, programme)).points == 35
    assert (await book(installation, programme, external_id="b-2")).points == 30
    await book(installation, programme, status="CANCELLED")
    assert (await book(installation, programme, external_id="b-3")).points == 35
    assert (await book(installation, programme, external_id="b-4")).points == 25
    moved = await book(installation, programme, external_id="b-3", starts_at=NOW + DAY)
    assert moved.points == 35


# --- completion --------------------------------------------------------------------------------------


async def test_completed_after_booked_is_only_noted(installation: Installation) -> None:
    programme = await salon(installation)
    booked = await book(installation, programme)
    completed = await book(installation, programme, status="COMPLETED", now=NOW + 2 * HOUR)
    assert (completed.status, completed.points, completed.available_from) == (
        "COMPLETED",
        25,
        booked.available_from,
    )
    assert await entries(installation, programme) == [("accrual", 1)]


@pytest.mark.parametrize(("hours", "available"), [(2, 5), (9, 9)])
async def test_r13_where_completion_is_needed_it_earns_then(
    installation: Installation, hours: int, available: int
) -> None:
    programme = await salon(installation, bookingNeedsCompletion=True)
    booked = await book(installation, programme)
    assert (booked.outcome, booked.points, booked.available_from) == (BookingOutcome.RECEIVED, 0, None)
    assert await figures(installation, programme) == (0, 0, 0)
    completed = await book(installation, programme, status="COMPLETED", now=NOW + hours * HOUR)
    assert (completed.outcome, completed.available_from) == (BookingOutcome.EARNED, NOW + available * HOUR)
    assert await book(installation, programme, status="COMPLETED", now=LATER) == (
        SubmittedBooking("b-1", completed.outcome, completed.status, 25, completed.available_from, replayed=True)
    )


async def test_what_has_earned_stays_earned_when_completion_is_asked_for_later(installation: Installation) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    await needs_completion(installation, programme, needs=True)
    again = await book(installation, programme, now=NOW + MINUTE)
    assert (again.outcome, again.points) == (BookingOutcome.EARNED, 25)
    moved = await book(installation, programme, starts_at=NOW + DAY, now=NOW + MINUTE)
    assert moved.outcome is BookingOutcome.RECEIVED
    assert await figures(installation, programme, now=NOW + MINUTE) == (0, 0, 0)
    await needs_completion(installation, programme, needs=False, now=NOW + MINUTE)
    again = await book(installation, programme, starts_at=NOW + DAY, now=NOW + 2 * MINUTE)
    assert (again.outcome, again.points) == (BookingOutcome.EARNED, 25)


async def needs_completion(
    installation: Installation, programme: ProgrammeSnapshot, *, needs: bool, now: datetime = NOW
) -> None:
    current = await installation.programmes.current(programme.id)
    changed = current.settings_at(now).changed({"bookingNeedsCompletion": needs}, "EUR")
    await change_settings(installation, programme.id, changed, now=now)


# --- changes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
async def test_r13_where_completion_is_needed_it_is_taken_back_with_the_completion(
    installation: Installation, arrival: tuple[int, int]
) -> None:
    programme = await salon(installation, bookingNeedsCompletion=True)
    reports = (
        {"status": "COMPLETED", "statusAt": (NOW + 3 * HOUR).isoformat()},
        {"status": "BOOKED", "statusAt": (NOW + 4 * HOUR).isoformat()},
    )
    for number in arrival:
        told = await book(installation, programme, now=NOW + 9 * HOUR, **reports[number])
    assert (told.outcome, told.points) == (BookingOutcome.RECEIVED, 0)
    assert await figures(installation, programme, now=LATER) == (0, 0, 0)


async def test_r13_rescheduled_it_is_taken_back_and_earned_anew_at_the_new_time(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    moved = await book(installation, programme, starts_at=NOW + DAY)
    assert (moved.points, moved.available_from) == (25, NOW + DAY + 4 * HOUR)
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert await figures(installation, programme, now=NOW + 6 * HOUR) == (0, 25, 0)
    assert await waiting(installation, programme) == [(28 * HOUR, 25)]


@pytest.mark.parametrize("status", ["CANCELLED", "NO_SHOW"])
@pytest.mark.parametrize("after", [1 * HOUR, 9 * HOUR], ids=["before", "after"])
async def test_e33_cancelled_or_no_show_is_taken_back(
    installation: Installation, status: str, after: timedelta
) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    ended = await book(installation, programme, status=status, now=NOW + after)
    assert (ended.outcome, ended.points) == (BookingOutcome.VOID, 0)
    assert await figures(installation, programme, now=LATER) == (0, 0, 0)
    assert await waiting(installation, programme) == []


async def test_without_instants_cancelled_is_final_until_it_gets_other_times(installation: Installation) -> None:
    programme = await salon(installation)
    for status in ("BOOKED", "CANCELLED", "BOOKED", "COMPLETED"):
        told = await book(installation, programme, status=status)
    assert (told.outcome, told.status, told.replayed) == (BookingOutcome.VOID, "CANCELLED", True)
    assert (await book(installation, programme, starts_at=NOW + DAY)).points == 25
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]


async def test_booked_again_after_it_was_cancelled_it_earns_anew(installation: Installation) -> None:
    programme = await salon(installation)
    instants = [(NOW + number * MINUTE).isoformat() for number in range(4)]
    now = NOW + 9 * MINUTE
    await book(installation, programme, statusAt=instants[0], now=now)
    await book(installation, programme, status="CANCELLED", statusAt=instants[1], now=now)
    late = await book(installation, programme, statusAt=instants[0], now=now)
    assert (late.outcome, late.replayed) == (BookingOutcome.VOID, True)
    assert (await book(installation, programme, statusAt=instants[2], now=now)).points == 25
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert len(await waiting(installation, programme)) == 1


async def test_an_older_report_is_answered_as_things_stand_and_has_no_effect(installation: Installation) -> None:
    programme = await salon(installation)
    older, newer = ((NOW - minutes * MINUTE).isoformat() for minutes in (2, 1))
    await book(installation, programme, starts_at=NOW + DAY, statusAt=newer)
    before = await everything(installation.db, programme)
    stale = await book(installation, programme, statusAt=older)
    assert (stale.outcome, stale.replayed) == (BookingOutcome.EARNED, True)
    assert stale.available_from == NOW + DAY + 4 * HOUR
    assert await everything(installation.db, programme) == before


async def test_r26_what_was_spent_is_owed_and_paid_by_the_new_appointment(installation: Installation) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    now = NOW + 6 * HOUR
    await redeem(installation, programme, 25, now=now)
    moved = await book(installation, programme, starts_at=NOW + DAY, now=now)
    assert moved.points == 25
    assert await figures(installation, programme, now=now) == (0, 25, 25)
    assert await figures(installation, programme, now=LATER) == (25, 0, 0)  # the hold lapsed, so nothing is owed


@pytest.mark.parametrize("clawback", ["WITHIN_BALANCE", "ONLY_PENDING"])
async def test_r26_what_the_policy_leaves_to_the_member_is_not_earned_a_second_time(
    installation: Installation, clawback: str
) -> None:
    programme = await salon(installation, clawback=clawback)
    await book(installation, programme)
    now = NOW + 6 * HOUR
    await redeem(installation, programme, 25, now=now)  # so that none of it can be taken back
    moved = await book(installation, programme, starts_at=NOW + DAY, participants=2, now=now)
    assert moved.points == 25  # of 50; the other 25 the member has
    ended = await book(installation, programme, starts_at=NOW + DAY, participants=2, status="CANCELLED", now=now)
    assert ended.points == 0
    back = await book(installation, programme, starts_at=NOW + 2 * DAY, now=now)
    assert (back.outcome, back.points) == (BookingOutcome.EARNED, 0)
    assert await figures(installation, programme, now=now + DAY) == (25, 0, 0)


async def test_service_and_customer_never_change(installation: Installation) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    await book(installation, programme)
    other: list[tuple[dict[str, Any], str]] = [
        ({"serviceId": "shave"}, "serviceId"),
        ({"customer_id": "c-2"}, "customer"),
        ({"customer_id": "stranger"}, "customer"),
    ]
    for change, part in other:
        call = book(installation, programme, status="CANCELLED", **change)
        conflict = await refused(call, errors.BookingConflict, installation.db, programme)
        assert (conflict.external_id, conflict.part) == ("b-1", part)


async def test_the_same_report_again_changes_nothing(installation: Installation) -> None:
    programme = await salon(installation)
    first = await book(installation, programme)
    before = await everything(installation.db, programme)
    again = await book(installation, programme, now=NOW + DAY)
    assert (again.outcome, again.points, again.available_from) == (first.outcome, 25, first.available_from)
    assert (first.replayed, again.replayed) == (False, True)
    assert await everything(installation.db, programme) == before


async def test_a_report_from_the_future_is_refused(installation: Installation) -> None:
    programme = await salon(installation)
    for field in ("statusAt", "bookedAt"):
        document = {**booking_document(), field: (NOW + 2 * MINUTE).isoformat()}
        call = submit_booking(installation, programme.id, document, now=NOW)
        refusal = await refused(call, errors.InvalidInput, installation.db, programme)
        assert refusal.field == field


# --- members and programmes --------------------------------------------------------------------------


async def test_r14_a_stranger_is_parked_and_earns_once_reported_again_after_joining(
    installation: Installation,
) -> None:
    programme = await salon(installation, joined=False)
    assert (await book(installation, programme)).outcome is BookingOutcome.PARKED
    assert (await book(installation, programme)).replayed
    await join_member(installation, programme)
    assert await figures(installation, programme) == (0, 0, 0)
    told = await book(installation, programme)
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 25)


async def test_r14_a_late_old_report_releases_a_parked_booking_as_well(installation: Installation) -> None:
    programme = await salon(installation, joined=False)
    now = NOW + 9 * HOUR
    await book(installation, programme, status="COMPLETED", statusAt=(NOW + 3 * HOUR).isoformat(), now=now)
    await join_member(installation, programme)
    told = await book(installation, programme, status="BOOKED", statusAt=NOW.isoformat(), now=now)
    assert (told.status, told.points) == ("COMPLETED", 25)


async def test_r14_an_address_that_comes_with_a_late_old_report_finds_the_member(
    installation: Installation,
) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=True)
    now = NOW + 9 * HOUR
    proved = {"externalId": "c-1", "email": "e@example.com", "emailVerified": True}
    await book(installation, programme, status="COMPLETED", statusAt=(NOW + 3 * HOUR).isoformat(), now=now)
    await book(installation, programme, statusAt=NOW.isoformat(), now=now, customer=proved)
    assert (
        await join(installation, programme.id, Join("m", "e@example.com", email_verified=True), now=now)
    ).released == 1


async def test_r14_joining_with_an_address_takes_nothing_of_another_member(installation: Installation) -> None:
    programme = await salon(installation, joined=False)
    proved = {"externalId": "a", "email": "e@example.com", "emailVerified": True}
    await book(installation, programme, customer=proved)
    order = order_document("o-1", customer=proved)
    await submit_order(installation, programme.id, order, now=NOW)
    await join(installation, programme.id, Join("a", "e@example.com", email_verified=True), now=NOW)
    settings = (await installation.programmes.current(programme.id)).settings_at(NOW)
    await change_settings(
        installation, programme.id, settings.changed({"releaseParkedOnJoin": True}, "EUR"), now=NOW
    )
    installation.programmes.forget(programme.id)
    now = NOW + MINUTE
    assert (
        await join(installation, programme.id, Join("m", "e@example.com", email_verified=True), now=now)
    ).released == 0
    assert (await book(installation, programme, customer=proved, now=now)).points == 25
    assert await figures(installation, programme, now=now, customer="a") == (0, 25, 0)


async def test_r14_joining_releases_what_is_parked_by_setting(installation: Installation) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=True)
    mail = {"email": "Ann@Example.org", "emailVerified": True}
    await book(installation, programme)
    await book(installation, programme, external_id="b-2", customer={"externalId": "guest", **mail})
    await book(
        installation, programme, external_id="b-3", customer={"externalId": "other", "email": "ann@example.org"}
    )
    await book(installation, programme, external_id="b-4", status="CANCELLED")
    joined = await join(installation, programme.id, Join("c-1", "ann@example.org", email_verified=True), now=NOW)
    assert joined.released == 2
    assert await figures(installation, programme) == (0, 50, 0)
    assert len(await waiting(installation, programme)) == 2
    again = await book(installation, programme, external_id="b-2", customer={"externalId": "guest", **mail})
    assert (again.outcome, again.points, again.replayed) == (BookingOutcome.EARNED, 25, True)
    await book(
        installation, programme, external_id="b-2", status="CANCELLED", customer={"externalId": "guest", **mail}
    )
    assert await figures(installation, programme) == (0, 25, 0)


async def test_r14_of_a_joining_and_a_report_at_the_same_time_one_gives_the_points(
    installation: Installation,
) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=True)
    others = [Installation.of(installation.db, SECRET) for _ in range(4)]
    for number in range(5):
        name = f"n-{number}"
        calls = [
            submit_booking(one, programme.id, booking_document(f"b-{number}", customer_id=name), now=NOW)
            for one in others
        ]
        await asyncio.gather(join_member(installation, programme, name), *calls)
        assert await figures(installation, programme, customer=name) == (0, 25, 0)


@pytest.mark.parametrize("release", [False, True])
async def test_r14_whoever_joins_while_a_report_is_looked_at_earns_by_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, *, release: bool
) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=release)
    look, looks = bookings.seen, iter([True])
    [other] = processes(installation, 1)

    async def seen(*arguments: Any) -> bookings.Seen:
        answer = await look(*arguments)
        if next(looks, False):
            await join_member(other, programme)
        return answer

    monkeypatch.setattr(bookings, "seen", seen)
    told = await book(installation, programme)
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 25)


@pytest.mark.parametrize("earlier", ["c-2", "stranger"])
async def test_a_booking_that_is_reported_for_another_while_it_is_looked_at_is_a_conflict(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, earlier: str
) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    find, finds = bookings.locked, iter([True])

    async def locked(*arguments: Any) -> bookings.BookingRow | None:
        answer = await find(*arguments)
        if next(finds, False):
            await book(installation, programme, customer_id=earlier)
        return answer

    monkeypatch.setattr(bookings, "locked", locked)
    with pytest.raises(errors.BookingConflict):
        await book(installation, programme)
    assert await figures(installation, programme) == (0, 0, 0)


async def test_r14_an_inactive_member_earns_nothing(installation: Installation) -> None:
    programme = await salon(installation)
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    told = await book(installation, programme)
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 0)
    assert await waiting(installation, programme) == []
    await set_state(installation, programme.id, "c-1", MemberState.ACTIVE, now=NOW)
    assert (await book(installation, programme)).replayed
    assert (await book(installation, programme, starts_at=NOW + DAY)).points == 25


async def test_e38_while_earning_is_stopped_a_booking_earns_nothing_and_is_taken_back(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    assert (await book(installation, programme, external_id="b-2")).points == 0
    assert (await book(installation, programme, status="CANCELLED")).points == 0
    assert await figures(installation, programme) == (0, 0, 0)
    await change_state(installation, programme.id, ProgrammeState.CLOSED, now=NOW + DAY)
    call = book(installation, programme, now=NOW + DAY)
    await refused(call, errors.ProgrammeNotOpen, installation.db, programme)


async def test_points_of_a_currency_of_before_are_left_alone(installation: Installation) -> None:
    programme = await salon(installation, expiry={"days": 1})
    await book(installation, programme)
    now = LATER
    async with installation.db.bare_transaction(programme.id) as connection:
        await ledger.sweep(connection, programme.id, now=now, limit=100)
    for state in (ProgrammeState.EARNING_STOPPED, ProgrammeState.CLOSED):
        now += DAY
        await change_state(installation, programme.id, state, now=now)
    settings = programme.settings_at(NOW).changed({"valuePerPoint": "5", "revenuePerPoint": "100"}, "JPY")
    await change_currency(installation, programme.id, "JPY", settings, now=now)
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=now)
    told = await book(installation, programme, status="CANCELLED", now=now + MINUTE)
    assert (told.status, told.outcome, told.points) == ("CANCELLED", BookingOutcome.EARNED, 25)
    assert await figures(installation, programme, now=now + MINUTE) == (0, 0, 0)
    assert await entries(installation, programme) == [("accrual", 1)]


async def test_bookings_of_a_batch_are_judged_one_by_one(installation: Installation) -> None:
    programme = await salon(installation)
    documents = [
        booking_document(),
        booking_document("b-2", participants=0),
        booking_document(serviceId="shave"),
        booking_document("b-3"),
    ]
    answers = await submit_bookings(installation, programme.id, documents, now=NOW)
    assert [type(answer) for answer in answers] == [
        SubmittedBooking,
        errors.InvalidInput,
        errors.BookingConflict,
        SubmittedBooking,
    ]
    assert await figures(installation, programme) == (0, 50, 0)
    too_many = submit_bookings(installation, programme.id, documents[:1] * 101, now=NOW)
    await refused(too_many, errors.InvalidInput, installation.db, programme)


# --- at the same time --------------------------------------------------------------------------------


def processes(installation: Installation, number: int) -> list[Installation]:
    """Views of as many processes: their turns and caches know nothing of each other."""
    return [Installation.of(installation.db, SECRET) for _ in range(number)]


async def test_the_same_report_twenty_times_at_once_is_credited_once(installation: Installation) -> None:
    programme = await salon(installation)
    calls = [book(one, programme) for one in processes(installation, 20)]
    answers = await asyncio.gather(*calls)
    assert {answer.points for answer in answers} == {25}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await entries(installation, programme) == [("accrual", 1)]
    assert len(await waiting(installation, programme)) == 1


async def test_reports_of_every_kind_at_once_end_as_the_newest_says(installation: Installation) -> None:
    # Goal: booked, moved, booked again and cancelled race in any interleaving; the newest report stands.
    programme = await salon(installation)
    instants = [(NOW - (9 - number) * MINUTE).isoformat() for number in range(5)]
    for number in range(6):
        name, cancelled = f"b-{number}", number % 2
        reports = [
            booking_document(name, statusAt=instants[0]),
            booking_document(name, NOW + DAY, statusAt=instants[1]),
            booking_document(name, NOW + DAY, status="CANCELLED", statusAt=instants[2]),
            booking_document(name, NOW + 2 * DAY, statusAt=instants[3]),
        ]
        if cancelled:
            reports.append(booking_document(name, NOW + 2 * DAY, status="NO_SHOW", statusAt=instants[4]))
        calls = [
            submit_booking(one, programme.id, report, now=NOW)
            for one, report in zip(processes(installation, 3 * len(reports)), reports * 3, strict=True)
        ]
        await asyncio.gather(*calls)
        final = await submit_booking(installation, programme.id, reports[-1], now=NOW)
        assert (final.points, final.replayed) == (0 if cancelled else 25, True)
    assert await figures(installation, programme) == (0, 75, 0)
    assert await waiting(installation, programme) == [(52 * HOUR, 25)] * 3


async def test_of_two_customers_of_one_booking_at_once_one_is_told_of_the_conflict(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    for number in range(5):
        calls = [
            book(one, programme, external_id=f"b-{number}", customer_id=name)
            for one, name in zip(processes(installation, 4), ("c-1", "c-2", "stranger", "c-1"), strict=True)
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert outcomes(answers, SubmittedBooking) + outcomes(answers, errors.BookingConflict) == 4
        assert outcomes(answers, SubmittedBooking) >= 1


async def test_a_booking_and_a_purchase_of_the_same_member_at_once(installation: Installation) -> None:
    programme = await salon(installation)
    await give_points(installation, programme, "c-1", 100)
    assert customer(programme).subject == "c-1"
    await asyncio.gather(
        book(installation, programme),
        redeem(installation, programme, 60),
        book(installation, programme, external_id="b-2"),
        book(installation, programme, status="CANCELLED"),
    )
    assert await spendable(installation, programme) == 40


# --- the notice --------------------------------------------------------------------------------------


class Told:
    """Who listens for credits."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message, /) -> None:
        await asyncio.sleep(0)
        self.messages.append(message)

    def subscriptions(self) -> Subscriptions:
        listening = Subscriptions()
        listening.add("points.credited", self)
        return listening


async def drain(installation: Installation, told: Told) -> int:
    """Two workers at once."""
    drains = [outbox.drain(installation.db, told.subscriptions()) for _ in range(2)]
    await asyncio.gather(*drains)
    return len(told.messages)


async def test_the_notice_goes_out_once_when_the_points_become_available(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    await book(installation, programme)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 5 * 3600 - 60)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 61)
    assert await drain(installation, told) == 1
    assert await drain(installation, told) == 1
    [message] = told.messages
    assert message.payload["points"] == 25
    assert message.payload["availableFrom"] == (NOW + 5 * HOUR).isoformat()


async def test_a_cancelled_booking_is_never_announced_and_a_moved_one_once(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    for name in ("b-1", "b-2"):
        await book(installation, programme, external_id=name)
    await book(installation, programme, status="CANCELLED")
    await book(installation, programme, external_id="b-2", starts_at=NOW + DAY)
    await age(installation.db, programme.id, 6 * 3600)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 24 * 3600)
    assert await drain(installation, told) == 1
    assert told.messages[0].payload["availableFrom"] == (NOW + DAY + 4 * HOUR).isoformat()


async def test_a_booking_that_is_reported_long_after_is_announced_at_once(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    late = await book(installation, programme, starts_at=NOW - 3 * DAY, status="COMPLETED")
    assert late.available_from == NOW - 3 * DAY + 4 * HOUR
    assert await spendable(installation, programme) == 25
    assert await drain(installation, told) == 1


async def test_one_whose_points_would_be_over_by_now_gives_none(installation: Installation) -> None:
    programme = await salon(installation, expiry={"days": 10})
    late = await book(installation, programme, starts_at=NOW - 20 * DAY, status="COMPLETED")
    assert (late.outcome, late.points) == (BookingOutcome.EARNED, 0)
