"""What one cause credits, a member is told in one mail (R32), however many orders it is for."""

import pytest

from pointbook.services import order_sendings
from pointbook.services.bookings import submit_booking
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import create_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import Outcome, submit_order
from pointbook.services.order_sendings import cancel_sending
from tests.integration.sendings import kept_return, sent, take_back, waiting, worked_once
from tests.support import DAY, NOW, booking_document, make_programme, order_document, topics
from tests.worker.mail_server import MailServer
from tests.worker.notices import but_the_welcome, drain, member, outcomes, text_of

RELEASING = {"releaseParkedOnJoin": True, "signUpPoints": 30, "signUpAvailableAtOnce": True}


async def parked(installation: Installation, programme: ProgrammeSnapshot, *names: str) -> None:
    for name in names:
        await submit_order(installation, programme.id, order_document(name), now=NOW)


async def three_members(installation: Installation, programme: ProgrammeSnapshot, orders: int) -> list[str]:
    """So many orders that wait to be sent, of each as many."""
    for number in range(3):
        await member(installation, programme, f"c-{number}", email=f"c{number}@example.com", locale="en")
    names = [f"o-{number}" for number in range(orders)]
    for number, name in enumerate(names):
        await waiting(installation, programme, name, customer_id=f"c-{number % 3}")
    return names


def credited(server: MailServer) -> dict[str, str]:
    """Text by recipient of what is no welcome; each gets one."""
    mails = [mail for mail in server.mails if "Welcome" not in mail["Subject"]]
    told = {str(mail["To"]): text_of(mail) for mail in mails}
    assert len(told) == len(mails)
    return told


async def test_fifty_orders_that_waited_for_the_customer_are_one_mail_with_the_sum(
    installation: Installation, server: MailServer
) -> None:
    programme = await make_programme(installation, RELEASING)
    await parked(installation, programme, *(f"o-{number}" for number in range(50)))
    await member(installation, programme, locale="en")
    await drain(installation, server.url)
    assert len(server.mails) == 2
    mail = but_the_welcome(server)
    assert mail["Subject"].startswith("2,500 points for you")
    assert "for several orders or bookings, 50 in all." in text_of(mail)
    assert "Your balance: 2,530 points." in text_of(mail)
    assert (await topics(installation.db, programme)).count("points.credited") == 51, "others hear of each"
    await drain(installation, server.url)
    assert len(server.mails) == 2


async def test_one_order_that_waited_is_told_by_its_number(installation: Installation, server: MailServer) -> None:
    programme = await make_programme(installation, RELEASING)
    await parked(installation, programme, "M-1017")
    await submit_order(installation, programme.id, order_document("M-1018", status="OPEN"), now=NOW)
    await member(installation, programme, locale="en")
    await drain(installation, server.url)
    told = text_of(but_the_welcome(server))
    assert "This is for your order M-1017." in told
    assert "in all" not in told


async def test_bookings_of_the_past_are_told_with_the_orders_and_those_to_come_when_they_count(
    installation: Installation, server: MailServer
) -> None:
    programme = await make_programme(installation, RELEASING, now=NOW - 30 * DAY)
    rule = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"]}
    await create_rule(installation, programme.id, rule, now=NOW - 30 * DAY)
    await parked(installation, programme, "o-1")
    for name, day in (("past", -1), ("to come", 1)):
        await submit_booking(
            installation, programme.id, booking_document(name, NOW + day * DAY), now=NOW - 2 * DAY
        )
    await member(installation, programme, locale="en")
    await drain(installation, server.url)
    told = text_of(but_the_welcome(server))
    assert "75 points" in told
    assert "2 in all." in told


async def test_r35_a_sending_of_thirty_orders_of_three_members_is_three_mails(
    installation: Installation, server: MailServer
) -> None:
    programme = await make_programme(installation)
    names = await three_members(installation, programme, 30)
    await sent(installation, programme, *names, dry_run=True)
    await drain(installation, server.url)
    assert credited(server) == {}
    await sent(installation, programme, *names)
    await sent(installation, programme, *names)
    await drain(installation, server.url)
    told = credited(server)
    assert sorted(told) == [f"c{number}@example.com" for number in range(3)]
    assert all("we have added 500 points" in text and ", 10 in all." in text for text in told.values())
    assert (await outcomes(installation, programme)).count(("POINTS_CREDITED", "SENT")) == 3


async def test_r35_a_sending_in_parts_is_told_when_it_has_come_to_its_end(
    installation: Installation, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)
    programme = await make_programme(installation)
    sending = await sent(installation, programme, *await three_members(installation, programme, 6))
    for _ in range(3):
        assert await worked_once(installation, programme, 1)
    await drain(installation, server.url)
    assert credited(server) == {}, "of c-1 another order is to come"
    await cancel_sending(installation, programme.id, sending.id, now=NOW)
    assert not await worked_once(installation, programme, 1)
    await drain(installation, server.url)
    told = credited(server)
    assert "we have added 100 points" in told.pop("c0@example.com")
    assert "This is for your order o-1." in told.pop("c1@example.com")
    assert told == {}


async def test_r35_what_was_taken_back_by_the_end_of_a_sending_is_not_told(
    installation: Installation, server: MailServer
) -> None:
    programme = await make_programme(installation)
    await three_members(installation, programme, 3)
    await waiting(installation, programme, "o-3", customer_id="c-0")
    await kept_return(installation, programme, "r-1", "o-0")
    await kept_return(installation, programme, "r-2", "o-1")
    await sent(installation, programme, *(f"o-{number}" for number in range(4)), "r-1", "r-2")
    await drain(installation, server.url)
    told = credited(server)
    assert sorted(told) == ["c0@example.com", "c2@example.com"], "nothing has remained of o-1"
    assert "we have added 50 points" in told["c0@example.com"]
    assert "This is for your order o-3." in told["c0@example.com"]


async def test_r35_of_an_order_that_was_completed_again_by_the_end_only_the_sendings_own_points_count(
    installation: Installation, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)
    programme = await make_programme(installation)
    await member(installation, programme, email="c0@example.com", locale="en")
    await waiting(installation, programme, "o-1", "o-2")
    await sent(installation, programme, "o-1", "o-2")
    assert await worked_once(installation, programme, 1)
    await take_back(installation, programme, "r-1", "o-1", type="CANCELLATION")
    again = order_document("o-1", statusAt=(NOW + DAY).isoformat())
    answer = await submit_order(installation, programme.id, again, now=NOW + DAY)
    assert (answer.outcome, answer.points) == (Outcome.EARNED, 50)
    assert await worked_once(installation, programme, 1)
    await drain(installation, server.url)
    own, together = sorted(text_of(mail) for mail in server.mails if "Welcome" not in mail["Subject"])
    assert "This is for your order o-1." in own
    assert "we have added 50 points" in together
    assert "This is for your order o-2." in together
