"""R14: all that waited for a customer is theirs in the end, however much it is and whoever dies in between."""

from pathlib import Path
from typing import Any

import pytest

from pointbook.domain.access import CallerKind, Principal
from pointbook.services import outbox, releasing
from pointbook.services.bookings import submit_booking
from pointbook.services.directory import ProgrammeChangedError, ProgrammeSnapshot
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.leaving import Confirmed, leave
from pointbook.services.member_import import import_members
from pointbook.services.members import MemberState, set_state
from pointbook.services.releasing import Most
from pointbook.services.settings_versions import amend_settings
from pointbook.worker.subscriptions import subscriptions
from tests.support import DAY, NOW, booking_document, make_programme, order_document, topics
from tests.worker.mail_server import MailServer
from tests.worker.notices import but_the_welcome, drain, text_of

ADDRESS = "eva@example.com"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releasing, "AT_ONCE", Most(2, 2))
    monkeypatch.setattr(releasing, "IN_BACKGROUND", Most(1, 2))


async def a_long_history(installation: Installation, **settings: Any) -> ProgrammeSnapshot:
    """5 orders of 50 points and 9 bookings of 25, parked by the id of c-1 or by an address of somebody else."""
    terms = {"releaseParkedOnJoin": True, **settings}
    programme = await make_programme(installation, terms, now=NOW - 30 * DAY)
    rule = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"]}
    await create_rule(installation, programme.id, rule, now=NOW - 30 * DAY)
    by_address = {"externalId": "guest", "email": ADDRESS, "emailVerified": True}
    whose: list[dict[str, Any]] = [{}, {"customer": by_address}]
    for number in range(5):
        document = order_document(f"o-{number}", **whose[number % 2])
        await submit_order(installation, programme.id, document, now=NOW - 2 * DAY)
    for number in range(9):
        booked = booking_document(f"b-{number}", NOW - DAY, **whose[number % 2])
        await submit_booking(installation, programme.id, booked, now=NOW - 2 * DAY)
    return programme


async def joined(installation: Installation, programme: ProgrammeSnapshot) -> int:
    eva = Join("c-1", ADDRESS, email_verified=True, locale="en", opt_in=True)
    return (await join(installation, programme.id, eva, now=NOW)).released


async def points(installation: Installation, programme: ProgrammeSnapshot) -> tuple[int, int]:
    """Of all accounts, and how many documents wait."""
    async with installation.db.bare_transaction(programme.id) as connection:
        granted = await connection.fetchval("select coalesce(sum(granted), 0)::int from ledger.lot")
        waiting = await connection.fetchval(
            "select (select count(*) from sales_order where state = 'PARKED')"
            " + (select count(*) from booking where state = 'PARKED')"
        )
    return granted, waiting


async def test_r14_what_is_more_than_a_call_releases_follows_and_is_one_mail(
    installation: Installation, server: MailServer
) -> None:
    programme = await a_long_history(installation)
    assert await joined(installation, programme) == 4
    assert await points(installation, programme) == (150, 10)
    await drain(installation, server.url)
    assert await points(installation, programme) == (5 * 50 + 9 * 25, 0)
    told = text_of(but_the_welcome(server))
    assert "475 points" in told
    assert ", 14 in all." in told
    assert (await topics(installation.db, programme)).count("points.credited") == 14, "others hear of each"


async def test_r14_a_worker_that_dies_loses_nothing_and_does_nothing_twice(
    installation: Installation, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = await a_long_history(installation)
    await joined(installation, programme)
    acknowledge, release, deaths = outbox._settle, releasing.Releasing._release_orders, iter([True] * 6)

    async def dies_afterwards(*arguments: Any) -> None:
        if not next(deaths, False):
            await acknowledge(*arguments)

    async def dies_before(*arguments: Any) -> Any:
        found = await release(*arguments)
        if next(deaths, False):
            raise ProgrammeChangedError
        return found

    monkeypatch.setattr(outbox, "_settle", dies_afterwards)
    monkeypatch.setattr(releasing.Releasing, "_release_orders", dies_before)
    for _ in range(12):
        await drain(installation, server.url)
        await let_leases_end(installation, programme)
    assert next(deaths, None) is None
    assert await points(installation, programme) == (5 * 50 + 9 * 25, 0)
    assert ", 14 in all." in text_of(but_the_welcome(server))


async def let_leases_end(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update outbox_message set leased_until = null, due_at = now() where delivered_at is null"
        )


async def test_two_workers_with_the_same_message_release_a_part_once(installation: Installation) -> None:
    programme = await a_long_history(installation)
    await joined(installation, programme)
    listening = subscriptions(installation, None, lambda: NOW)
    leased = await outbox._lease(installation.db, listening, programme.id, outbox.Delivery())
    [rest] = [message for message in leased if message.topic == releasing.PARKED_REST]
    [handler] = listening.of(rest.topic)
    await handler(rest)
    await handler(rest)
    assert await points(installation, programme) == (150 + 50 + 2 * 25, 7)


async def made_inactive(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)


async def left(installation: Installation, programme: ProgrammeSnapshot) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    await leave(installation, anna, "c-1", Confirmed(150, 0), "k", now=NOW)


async def set_otherwise(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await amend_settings(installation, programme.id, {"releaseParkedOnJoin": False}, now=NOW)


CHANGES = {"inactive": made_inactive, "left": left, "set otherwise": set_otherwise}


@pytest.mark.parametrize("change", CHANGES)
async def test_r14_what_is_parked_goes_on_waiting_when_its_member_does_not_earn_any_more(
    installation: Installation, server: MailServer, change: str
) -> None:
    programme = await a_long_history(installation)
    await joined(installation, programme)
    await CHANGES[change](installation, programme)
    await drain(installation, server.url, now=NOW + DAY)
    assert (await points(installation, programme))[1] == 10
    if change != "left":
        assert "150 points" in text_of(but_the_welcome(server))


async def test_r14_what_an_imported_member_had_waiting_follows_and_is_told_to_nobody(
    installation: Installation, server: MailServer, tmp_path: Path
) -> None:
    programme = await a_long_history(installation)
    file = tmp_path / "members.csv"
    file.write_text(f"externalId,email,emailVerified,optIn,locale\nc-1,{ADDRESS},true,true,en\n")
    await import_members(installation, programme.id, file, clock=lambda: NOW)
    await drain(installation, server.url)
    assert await points(installation, programme) == (5 * 50 + 9 * 25, 0)
    assert server.mails == []
    assert not {"points.credited", "order.earned"} & set(await topics(installation.db, programme))
