"""Moving a sandbox's clock makes what is due by it due: it is booked and told, and retries keep their pauses."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

from pointbook.services import outbox, sandbox_clocks
from pointbook.services.bookings import submit_booking
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from pointbook.services.outbox import Drained, Subscriptions
from tests.support import DAY, NOW, booking_document, give_points, make_programme, redeem
from tests.worker.mail_server import MailServer, serving
from tests.worker.messages import Receiver, promise
from tests.worker.notices import HASTY, drain, member

HOUR = timedelta(hours=1)
CUT = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"]}


async def test_what_is_due_by_the_moved_clock_is_booked_and_told(installation: Installation) -> None:
    programme = await make_programme(installation, {"expiryNoticeDays": [30]})
    async with serving(MailServer()) as server:
        await member(installation, programme, locale="en")
        await give_points(installation, programme, "c-1", 100, expires_at=NOW + 40 * DAY)
        await redeem(installation, programme, 40)
        await drain(installation, server.url)
        server.mails.clear()
        await sandbox_clocks.move_clock(installation, programme.id, 20 * DAY, now=NOW)
        await drain(installation, server.url)
    [mail] = server.mails
    assert "100 points" in mail["Subject"], "those of the hold that has lapsed are among them"
    assert parsedate_to_datetime(mail["Date"]) == NOW, "it is sent now, whatever the programme's clock shows"
    async with installation.db.bare_transaction(programme.id) as connection:
        kinds = [row["kind"] for row in await connection.fetch("select kind from ledger.entry order by seq")]
    assert kinds == ["accrual", "hold", "lapse"]


async def test_who_waits_for_points_is_told_when_the_moved_clock_makes_them_available(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"earnsFromRevenue": False}, now=NOW - DAY)
    await create_rule(installation, programme.id, CUT, now=NOW - DAY)
    async with serving(MailServer()) as server:
        await member(installation, programme, locale="en")
        # An hour until it begins, one that it takes, three until the points are available.
        await submit_booking(installation, programme.id, booking_document(), now=NOW)
        await sandbox_clocks.move_clock(installation, programme.id, 4 * HOUR, now=NOW)
        await submit_booking(
            installation, programme.id, booking_document("b-2", NOW + 9 * HOUR), now=NOW + 4 * HOUR
        )
        await drain(installation, server.url)
        server.mails.clear()
        assert await drain(installation, server.url) == Drained(), "not yet"
        await sandbox_clocks.move_clock(installation, programme.id, 2 * HOUR, now=NOW)
        await drain(installation, server.url)
        [mail] = server.mails
        assert "25 points" in mail["Subject"]
        await sandbox_clocks.move_clock(installation, programme.id, 8 * HOUR, now=NOW)
        await drain(installation, server.url)
        assert len(server.mails) == 2, "and of what was booked after the clock had been moved"


async def test_a_receiver_that_is_away_is_not_asked_again_at_once(installation: Installation) -> None:
    programme = await make_programme(installation)
    await sandbox_clocks.move_clock(installation, programme.id, DAY, now=NOW)
    receiver, listening = Receiver(refuses=1), Subscriptions()
    listening.add("order.earned", receiver)
    await promise(installation.db, programme.id, 1)
    assert (await outbox.drain(installation.db, listening, delivery=HASTY)).failed == 1
    assert await outbox.drain(installation.db, listening, delivery=HASTY) == Drained()
    assert receiver.received.total() == 0
