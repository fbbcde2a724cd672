"""Members who want it are told 30 and 7 days before points expire: each day once, and only of what is still so."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

import pytest
import pytest_asyncio

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.calendar import end_of_local_day
from pointbook.services import merging, notices, outbox
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.members import MemberState, set_notifications, set_redemption_lock, set_state
from pointbook.services.merging.requesting import RequestMerge
from pointbook.services.notices import Promised
from pointbook.services.programmes import change_state
from tests.support import DAY, NOW, customer, give_points, make_programme, redeem
from tests.worker.mail_server import MailServer
from tests.worker.notices import adjust, but_the_welcome, drain, html_of, member, outcomes, text_of

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    return await make_programme(installation, name="Morgenrot", locales=("de", "en", "pl"))


async def look(installation: Installation, now: datetime = NOW, *, batch: int = 500) -> int:
    """What the worker's job promises; ``now`` is 10:00 in Berlin unless said otherwise."""
    promised = await notices.promise_of_expiry(installation.db, installation.programmes, now=now, batch=batch)
    assert promised.failed == 0
    return promised.mails


async def points_until(
    installation: Installation,
    programme: ProgrammeSnapshot,
    last_day: date,
    points: int = 40,
    external_id: str = "c-1",
) -> None:
    end = end_of_local_day(last_day, programme.zone)
    await give_points(installation, programme, external_id, points, expires_at=end)


async def told(installation: Installation, programme: ProgrammeSnapshot) -> list[str]:
    """The day and the number of days of everything that was told."""
    async with installation.db.bare_transaction(programme.id) as connection:
        found = await connection.fetch("select about from notice where kind = 'POINTS_EXPIRING' order by about")
    return sorted(" ".join(row["about"].split(" ")[2:]) for row in found)


@pytest.mark.parametrize(
    ("locale", "subject", "lines"),
    [
        ("de", "Punkte bei Morgenrot verfallen bald: 65 Punkte", ("40 Punkte bis 31. März 2026", "25 Punkte bis")),
        (
            "en",
            "65 points at Morgenrot will expire soon",
            ("40 points through March 31, 2026", "25 points through"),
        ),
        (
            "pl",
            "Morgenrot: punkty wkrótce stracą ważność (65 punktów)",
            ("40 punktów do 31 marca 2026", "25 punktów do"),
        ),
    ],
)
async def test_what_expires_soon_is_one_mail_with_its_days(
    installation: Installation, server: MailServer, locale: str, subject: str, lines: tuple[str, ...]
) -> None:
    programme = await make_programme(installation, name="Morgenrot", locales=("de", "en", "pl"))
    await member(installation, programme, locale=locale)
    await points_until(installation, programme, date(2026, 3, 31), 40)
    await points_until(installation, programme, date(2026, 3, 30), 25)
    await points_until(installation, programme, date(2026, 4, 1), 10)  # 31 days away
    assert await look(installation) == 1
    await drain(installation, server.url)
    mail = but_the_welcome(server)
    assert mail["Subject"] == subject
    for line in lines:
        assert line in text_of(mail)
        assert line in html_of(mail)
    assert await told(installation, programme) == ["2026-03-30 30", "2026-03-31 30"]
    assert [outcome for _, outcome in await outcomes(installation, programme)] == ["SENT"] * 3


async def test_each_day_is_told_30_and_7_days_before_and_never_again(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 31))
    moments = [NOW + day * DAY + hour * HOUR for day in range(-2, 35) for hour in (0, 6)]
    told_on = [moment.date() for moment in moments if await look(installation, moment)]
    assert told_on == [date(2026, 3, 1), date(2026, 3, 24)]
    assert await told(installation, programme) == ["2026-03-31 30", "2026-03-31 7"]


async def test_what_comes_into_the_window_at_once_is_told_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 5))
    assert await look(installation) == 1
    assert await told(installation, programme) == ["2026-03-05 7"]


async def test_a_day_on_which_no_worker_ran_is_caught_up_while_the_points_last(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 31))
    await points_until(installation, programme, date(2026, 3, 10))
    assert await look(installation, NOW + 12 * DAY) == 1  # 13 March
    assert await told(installation, programme) == ["2026-03-31 30"], "the others have expired"


async def test_the_days_are_a_setting(installation: Installation) -> None:
    programme = await make_programme(installation, {"expiryNoticeDays": [3]})
    never = await make_programme(installation, {"expiryNoticeDays": []})
    for one in (programme, never):
        await member(installation, one)
        await points_until(installation, one, date(2026, 3, 4))
        await points_until(installation, one, date(2026, 3, 5))
    assert await look(installation) == 1
    assert (await told(installation, programme), await told(installation, never)) == (["2026-03-04 3"], [])


async def test_the_day_begins_at_eight_in_the_programmes_zone(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # The clocks change in Berlin on 29 March: 8:00 is 7:00Z before and 6:00Z from then on.
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 4, 4))
    await points_until(installation, programme, date(2026, 4, 5))
    for early, begun in (
        (datetime(2026, 3, 28, 6, 59, tzinfo=UTC), datetime(2026, 3, 28, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 5, 59, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),
    ):
        assert await look(installation, early) == 0
        assert await look(installation, begun) == 1
    assert await told(installation, programme) == ["2026-04-04 7", "2026-04-05 30", "2026-04-05 7"]


async def test_only_members_who_want_it_are_told(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await member(installation, programme, opt_in=False)
    await member(installation, programme, "c-2", email=None)
    await member(installation, programme, "c-3", email="ola@example.com")
    for external_id in ("c-1", "c-2", "c-3"):
        await points_until(installation, programme, date(2026, 3, 10), external_id=external_id)
    assert await look(installation) == 1
    await set_notifications(installation, programme.id, "c-1", opt_in=True, now=NOW)
    assert await look(installation, NOW + HOUR) == 0, "the day is done"
    assert await look(installation, NOW + DAY) == 1


async def test_members_who_may_not_spend_are_not_told_to(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for external_id in ("c-1", "c-2", "c-3"):
        await member(installation, programme, external_id, email=f"{external_id}@example.com")
        await points_until(installation, programme, date(2026, 3, 10), external_id=external_id)
    await set_redemption_lock(installation, programme.id, "c-1", locked=True, now=NOW)
    await set_state(installation, programme.id, "c-2", MemberState.INACTIVE, now=NOW)
    assert await look(installation) == 1
    await set_redemption_lock(installation, programme.id, "c-1", locked=False, now=NOW)
    await set_state(installation, programme.id, "c-2", MemberState.ACTIVE, now=NOW)
    assert await look(installation, NOW + DAY) == 2, "once they may"


async def test_what_is_gone_when_the_mail_is_due_is_not_told(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 10), 40)
    await points_until(installation, programme, date(2026, 3, 11), 60)
    assert await look(installation) == 1
    await redeem(installation, programme, 50)
    await drain(installation, server.url)
    mail = but_the_welcome(server)
    assert "50 Punkte bis 11. März 2026" in text_of(mail)
    assert "10. März" not in text_of(mail)


async def test_nothing_is_sent_if_all_is_gone(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 10))
    assert await look(installation) == 1
    await adjust(installation, programme, -40)
    await drain(installation, server.url)
    assert len(server.mails) == 2, "the welcome, and what staff did"
    assert ("POINTS_EXPIRING", "NOTHING_TO_TELL") in await outcomes(installation, programme)


async def test_points_that_are_held_when_the_mail_is_due_are_told_the_day_after_they_came_back(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 10))
    assert await look(installation) == 1
    await redeem(installation, programme, 40)  # lapses in 15 minutes
    await drain(installation, server.url)
    assert await outcomes(installation, programme) == [("WELCOME", "SENT")]
    assert await look(installation, NOW + DAY) == 1
    await drain(installation, server.url, now=NOW + DAY)
    assert "40 Punkte bis 10. März 2026" in text_of(but_the_welcome(server))


async def test_a_day_that_is_wholly_held_is_told_later_though_the_mail_tells_of_another(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 5), 30)
    await points_until(installation, programme, date(2026, 3, 6), 40)
    await points_until(installation, programme, date(2026, 3, 7), 60)
    assert await look(installation) == 1
    await adjust(installation, programme, -30)
    await redeem(installation, programme, 40)  # lapses in 15 minutes
    await drain(installation, server.url)
    [first] = expiring(server)
    assert "60 Punkte bis 7. März 2026" in text_of(first)
    assert "6. März" not in text_of(first)
    assert await told(installation, programme) == ["2026-03-05 7", "2026-03-07 7"]
    assert await look(installation, NOW + DAY) == 1
    await drain(installation, server.url, now=NOW + DAY)
    [_, second] = expiring(server)
    assert "40 Punkte bis 6. März 2026" in text_of(second)
    assert "7. März" not in text_of(second)
    assert first["Message-ID"] != second["Message-ID"]
    assert await look(installation, NOW + 2 * DAY) == 0


async def test_r33_what_the_merged_account_was_told_is_not_told_again(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await member(installation, programme, "c-2", email="other@example.com")
    await points_until(installation, programme, date(2026, 3, 31), external_id="c-2")
    assert await look(installation) == 1
    await drain(installation, server.url)
    await merge(installation, programme, "c-1", "other@example.com")
    assert await look(installation, NOW + DAY) == 0
    assert await told(installation, programme) == ["2026-03-31 30"] * 2
    assert await look(installation, NOW + 23 * DAY) == 1, "the next step is to come"


async def test_r33_what_the_merged_account_was_promised_is_told_once_to_the_member(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await member(installation, programme, "c-2", email="other@example.com")
    await points_until(installation, programme, date(2026, 3, 6), external_id="c-2")
    assert await look(installation) == 1
    await merge(installation, programme, "c-1", "other@example.com")
    assert await look(installation, NOW + DAY) == 0
    await drain(installation, server.url, now=NOW + DAY)
    [mail] = expiring(server)
    assert mail["To"] == "eva@example.com"
    assert "40 Punkte bis 6. März 2026" in text_of(mail)
    assert await look(installation, NOW + 2 * DAY) == 0
    settled = [outcome for kind, outcome in await outcomes(installation, programme) if kind == "POINTS_EXPIRING"]
    assert settled == ["SENT"] * 2


async def test_r33_a_promise_to_the_merged_account_is_kept_though_the_member_was_told_of_the_day(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    """What is held when that mail is due goes to the next round."""
    await member(installation, programme)
    await member(installation, programme, "c-2", email="other@example.com")
    await points_until(installation, programme, date(2026, 3, 6), 60)
    assert await look(installation) == 1
    await drain(installation, server.url)
    await adjust(installation, programme, -60)
    await points_until(installation, programme, date(2026, 3, 6), external_id="c-2")
    assert await look(installation, NOW + DAY) == 1
    await redeem(installation, programme, 40, external_id="c-2", now=NOW + DAY)
    await merge(installation, programme, "c-1", "other@example.com", now=NOW + DAY)
    await drain(installation, server.url, now=NOW + DAY)
    assert len(expiring(server)) == 1
    assert await look(installation, NOW + 2 * DAY) == 1
    await drain(installation, server.url, now=NOW + 2 * DAY)
    [_, mail] = expiring(server)
    assert "40 Punkte bis 6. März 2026" in text_of(mail)
    assert await look(installation, NOW + 3 * DAY) == 0


def expiring(server: MailServer) -> list[EmailMessage]:
    return [mail for mail in server.mails if "verfallen bald" in mail["Subject"]]


async def test_many_members_are_told_in_batches_each_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for number in range(7):
        await member(installation, programme, f"c-{number}", email=f"m{number}@example.com")
        await points_until(installation, programme, date(2026, 3, 10), external_id=f"c-{number}")
    runs = await asyncio.gather(*(look(installation, batch=2) for _ in range(4)))
    assert sum(runs) == 7
    assert len(await told(installation, programme)) == 7


async def test_a_round_that_breaks_off_between_row_and_mail_leaves_neither(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await member(installation, programme, f"c-{number}", email=f"m{number}@example.com")
        await points_until(installation, programme, date(2026, 3, 10), external_id=f"c-{number}")
    with monkeypatch.context() as broken:
        append, calls = outbox.append, 0

        async def die(*args: object, **more: object) -> int:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise RuntimeError("the process has ended")
            return await append(*args, **more)  # type: ignore[arg-type]

        broken.setattr(outbox, "append", die)
        done = await notices.promise_of_expiry(installation.db, installation.programmes, now=NOW, batch=2)
        assert done == Promised(mails=2, failed=1)
    assert len(await told(installation, programme)) == 2
    assert await look(installation, batch=2) == 2
    assert await _mails(installation, programme) == 4


async def merge(
    installation: Installation, programme: ProgrammeSnapshot, external_id: str, other: str, *, now: datetime = NOW
) -> None:
    """The account with the address becomes a part of the member's."""
    request = await merging.request_merge(
        installation, customer(programme, external_id), RequestMerge(other, "merge"), now=now
    )
    token = merging.proof_path(installation, programme.id, request.id).removeprefix("/merge/")
    await merging.confirm(installation, token, now=now)
    anna = Principal(CallerKind.STAFF, programme.id, "anna", ALL_RIGHTS)
    await merging.approve(installation, anna, request.id, now=now)


async def _mails(installation: Installation, programme: ProgrammeSnapshot) -> int:
    async with installation.db.bare_transaction(programme.id) as connection:
        count: int = await connection.fetchval("select count(*) from outbox_message where topic = 'notice.mail'")
    return count


async def test_programmes_that_are_closed_tell_nothing_and_those_that_only_stopped_earning_do(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    await points_until(installation, programme, date(2026, 3, 10))
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    draft = await make_programme(installation, state=ProgrammeState.DRAFT)
    assert await look(installation) == 1
    assert await told(installation, draft) == []
