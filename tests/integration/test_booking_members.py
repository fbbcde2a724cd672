"""Whose booking it is and in which programme: strangers are parked, and joining may release what is (R14)."""

from pointbook import ledger
from pointbook.domain import errors
from pointbook.services.bookings import BookingOutcome
from pointbook.services.directory import ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.members import MemberState, set_state
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency, change_settings
from tests.integration.bookings import HOUR, LATER, book, entries, figures, salon, waiting
from tests.support import DAY, MINUTE, NOW, join_member, order_document, refused


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
    call = book(installation, programme, external_id="b-3", now=NOW + DAY)
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
