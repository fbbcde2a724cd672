"""R32, R33: the proof goes to the address that was named, if a member has it; the rest to who asked."""

import re
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.services import merging
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.merging import MergeRequest, RequestMerge
from tests.support import NOW, make_programme
from tests.worker.mail_server import MailServer
from tests.worker.notices import drain, html_of, outcomes, text_of

URL = "https://loyalty.example"
OTHER = "other@shop.example"


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    """With a member who asks and wants notices, and one who has the other address and wants none."""
    made = await make_programme(installation, name="Rösterei Morgenrot", locales=("de", "en", "pl"))
    for customer, email, opt_in in (("asks", "me@shop.example", True), ("other", OTHER, False)):
        command = Join(customer, email=email, locale="en", opt_in=opt_in)
        await join(installation, made.id, command, tells=False, now=NOW)
    return made


async def asked(installation: Installation, programme: ProgrammeSnapshot, email: str = OTHER) -> MergeRequest:
    customer = Principal(CallerKind.CUSTOMER, programme.id, "key", subject="asks")
    return await merging.request_merge(installation, customer, RequestMerge(email, uuid4().hex), now=NOW)


async def post(
    installation: Installation, server: MailServer, *, now: datetime = NOW, public_url: str | None = URL
) -> None:
    await drain(installation, server.url, now=now, public_url=public_url)


def staff(programme: ProgrammeSnapshot) -> Principal:
    return Principal(CallerKind.STAFF, programme.id, "anna", ALL_RIGHTS)


async def test_the_proof_goes_to_the_other_address_whatever_it_wants_of_notices(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    request = await asked(installation, programme)
    await post(installation, server)
    [mail] = server.mails
    assert mail["To"] == OTHER
    assert mail["Subject"] == "Is this account at Rösterei Morgenrot yours?"
    link = f"{URL}{merging.proof_path(installation, programme.id, request.id, 'en')}"
    assert link in text_of(mail)
    assert link in html_of(mail)
    assert "me@shop.example" not in mail.as_string(), "nobody learns who asks"
    assert mail["List-Unsubscribe"] is None
    await merging.confirm(installation, re.findall(r"/merge/([^?\s]+)", text_of(mail))[0], now=NOW)
    [found] = await merging.list_requests(installation, programme.id, most=9, now=NOW)
    assert found.state == "VERIFIED"


@pytest.mark.parametrize("email", ["nobody@shop.example", "me@shop.example"])
async def test_nobody_else_gets_one(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer, email: str
) -> None:
    await asked(installation, programme, email)
    await post(installation, server)
    assert (server.mails, await outcomes(installation, programme)) == ([], [("MERGE_PROOF", "NOTHING_TO_TELL")])


async def test_a_proof_that_is_late_is_not_sent(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    """The outbox may have waited: a link that is over is of no use."""
    await asked(installation, programme)
    await post(installation, server, now=NOW + timedelta(hours=24))
    assert server.mails == []


async def test_without_an_address_of_our_own_the_letter_waits_for_a_person(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    """The letter is its link."""
    await asked(installation, programme)
    await post(installation, server, public_url=None)
    async with installation.db.bare_transaction(programme.id) as connection:
        error = await connection.fetchval("select last_error from outbox_message where topic = 'merge.proof'")
    assert server.mails == []
    assert "POINTBOOK_PUBLIC_URL" in error


async def test_of_members_with_one_address_the_verified_one_is_meant(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    verified = await join(installation, programme.id, Join("shop", email=OTHER, email_verified=True), now=NOW)
    request = await asked(installation, programme)
    token = merging.proof_path(installation, programme.id, request.id).removeprefix("/merge/")
    await merging.confirm(installation, token, now=NOW)
    [found] = await merging.list_requests(installation, programme.id, most=9, now=NOW)
    assert found.source == verified.member.public_id


@pytest.mark.parametrize("approve", [True, False])
async def test_who_asked_is_told_each_step(
    installation: Installation,
    programme: ProgrammeSnapshot,
    server: MailServer,
    approve: bool,  # noqa: FBT001
) -> None:
    request = await asked(installation, programme)
    token = merging.proof_path(installation, programme.id, request.id).removeprefix("/merge/")
    await merging.confirm(installation, token, now=NOW)
    if approve:
        await merging.approve(installation, staff(programme), request.id, now=NOW)
    else:
        await merging.reject(installation, staff(programme), request.id, "Two people", now=NOW)
    await post(installation, server)
    told = {mail["Subject"]: text_of(mail) for mail in server.mails}
    assert {mail["To"] for mail in server.mails} == {"me@shop.example"}
    assert "The address is confirmed" in told
    if approve:
        assert (
            f"the account of {OTHER} is now a part of yours."
            in told["Your accounts at Rösterei Morgenrot are merged"]
        )
    else:
        assert "The reason: Two people" in told["Your accounts at Rösterei Morgenrot stay as they are"]


async def test_events_name_nobody_and_the_first_says_nothing_of_the_other(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """I11: each step has its message, by opaque ids."""
    requests = [await asked(installation, programme, email) for email in (OTHER, "nobody@shop.example")]
    token = merging.proof_path(installation, programme.id, requests[0].id).removeprefix("/merge/")
    await merging.confirm(installation, token, now=NOW)
    await merging.approve(installation, staff(programme), requests[0].id, now=NOW)
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select topic, payload::text as told from outbox_message where topic like 'merge.%' order by id"
        )
    assert [row["topic"] for row in rows] == [
        *("merge.requested", "merge.proof", "merge.requested", "merge.proof", "merge.verified", "merge.merged")
    ]
    assert "@" not in "".join(row["told"] for row in rows)
    first, second = (row["told"] for row in rows if row["topic"] == "merge.requested")
    assert first.replace(requests[0].id.hex, "-") == second.replace(requests[1].id.hex, "-")
    assert all(UUID(hex=name) for name in re.findall(r'"([0-9a-f]{32})"', rows[-1]["told"]))
