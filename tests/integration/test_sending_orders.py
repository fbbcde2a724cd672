"""R35: orders are sent by hand, by ids or by a filter, and each tells what came of it."""

from datetime import datetime

import pytest

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.members import MemberState, set_state
from pointbook.services.order_sendings import DocumentType, Filter, PointsAsOf, SendingState
from tests.integration.sendings import (
    EARNED,
    PARKED,
    PROCESSED,
    UNKNOWN,
    accruals,
    documents,
    found,
    points_of,
    results,
    sent,
    take_back,
    waiting,
    worked_once,
)
from tests.rules.shop import LONG_BEFORE
from tests.support import (
    DAY,
    NOW,
    SENDING_TABLES,
    everything,
    join_member,
    make_programme,
    order_document,
    redeem,
    spendable,
    topics,
)


async def test_r35_by_id_an_order_earns_whatever_its_status(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    assert await spendable(installation, programme) == 0
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": EARNED}
    assert (sending.state, sending.documents_total, sending.documents_done) == (SendingState.DONE, 1, 1)
    assert (sending.points_earned, sending.created_by) == (50, "STAFF:st-1")
    assert await spendable(installation, programme) == 50
    assert (await topics(installation.db, programme)).count("points.credited") == 1


async def test_what_was_sent_by_hand_has_earned_for_good(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await sent(installation, programme, "o-1")
    again = await sent(installation, programme, "o-1")
    assert await results(installation, programme, again) == {"o-1": PROCESSED}
    paid = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (paid.outcome, paid.points, paid.replayed) == ("EARNED", 50, True)
    assert await accruals(installation, programme) == ["o-1"]


async def test_r14_a_parked_order_stays_parked_until_its_customer_has_joined(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await waiting(installation, programme, "o-1", status="PAID")
    before = await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry"))
    assert await results(installation, programme, await sent(installation, programme, "o-1")) == {"o-1": PARKED}
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) == before
    await join_member(installation, programme)
    assert await spendable(installation, programme) == 0
    assert await results(installation, programme, await sent(installation, programme, "o-1")) == {"o-1": EARNED}
    assert await spendable(installation, programme) == 50


@pytest.mark.parametrize(
    ("verified", "members", "outcome"),
    [(True, 1, EARNED), (False, 1, PARKED), (True, 2, PARKED)],
)
async def test_r14_the_one_member_with_the_verified_address_gets_the_order(
    installation: Installation,
    programme: ProgrammeSnapshot,
    verified: bool,  # noqa: FBT001
    members: int,
    outcome: tuple[str, int, int, int],
) -> None:
    customer = {"externalId": "guest-7", "email": "Ann@Example.com", "emailVerified": True}
    await waiting(installation, programme, "o-1", customer=customer)
    for number in range(members):
        command = Join(f"c-{number}", "ann@example.com", email_verified=verified)
        await join(installation, programme.id, command, now=NOW)
    assert await results(installation, programme, await sent(installation, programme, "o-1")) == {"o-1": outcome}
    assert await spendable(installation, programme, "c-0") == outcome[1]
    assert await results(installation, programme, await sent(installation, programme, "o-1")) == {
        "o-1": PROCESSED if outcome is EARNED else PARKED
    }


async def test_an_inactive_member_earns_nothing(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    assert await results(installation, programme, await sent(installation, programme, "o-1")) == {
        "o-1": ("EARNED", 0, 0, 0)
    }
    assert await accruals(installation, programme) == []


async def test_a_voucher_that_was_captured_stays_with_its_order(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document("o-0"), now=NOW)
    voucher = await redeem(installation, programme, 20)
    await waiting(installation, programme, "o-1", voucherCode=voucher.code)
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": ("EARNED", 49, 0, 0)}
    assert await spendable(installation, programme) == 30 + 49


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["o-1,o-2 , nobody,"], {"o-1": EARNED, "o-2": EARNED, "nobody": UNKNOWN}),
        (["o-1", "o-2, o-1", "o-2"], {"o-1": EARNED, "o-2": EARNED}),
    ],
)
async def test_r35_ids_may_be_comma_separated_text_and_unknown_ones_are_told(
    installation: Installation,
    programme: ProgrammeSnapshot,
    ids: list[str],
    expected: dict[str, tuple[str, int, int, int]],
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    assert await results(installation, programme, await sent(installation, programme, *ids)) == expected


async def test_a_thousand_ids_in_one_text(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await join_member(installation, programme)
    names = [f"o-{number}" for number in range(12)]
    await waiting(installation, programme, *names)
    others = [f"x-{number}" for number in range(988)]
    sending = await sent(installation, programme, ",".join(names + others))
    assert (sending.state, sending.documents_total, sending.documents_done) == (SendingState.QUEUED, 1_000, 0)
    while await worked_once(installation, programme, 300):
        pass
    done = await found(installation, programme, sending)
    assert (done.state, done.documents_done, done.points_earned) == (SendingState.DONE, 1_000, 600)
    expected = dict.fromkeys(names, EARNED) | dict.fromkeys(others, UNKNOWN)
    assert await results(installation, programme, sending) == expected
    assert [one.position for one in await documents(installation, programme, sending)] == [*range(1, 1_001)]


FIRST, SECOND = NOW - 3 * DAY, NOW - 2 * DAY


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        (Filter(placed_from=SECOND), {"o-2", "o-3", "p-2", "r-1"}),
        (Filter(placed_to=SECOND), {"o-1", "p-1"}),
        (Filter(placed_from=FIRST, placed_to=SECOND), {"o-1", "p-1"}),
        (Filter(statuses=("READY",)), {"o-3"}),
        (Filter(statuses=("READY", "PAID")), {"o-3", "p-1", "p-2"}),
        (Filter(types=(DocumentType.SALE,)), {"o-1", "o-2", "o-3", "p-1", "p-2"}),
        (Filter(types=(DocumentType.WARRANTY, DocumentType.RETURN)), {"r-1"}),
        (Filter(types=(DocumentType.REPAIR,)), set()),
        (Filter(joined_until=FIRST), {"o-1", "o-3"}),
        (Filter(joined_until=NOW), {"o-1", "o-2", "o-3", "p-2"}),
        (Filter(placed_from=SECOND, statuses=("OPEN",), joined_until=NOW), {"o-2"}),
    ],
)
async def test_r35_by_filter_what_matches_and_was_not_processed_is_sent(
    installation: Installation, programme: ProgrammeSnapshot, criteria: Filter, names: set[str]
) -> None:
    async def order(name: str, customer: str, placed: datetime, status: str = "OPEN") -> None:
        more = {"customer_id": customer, "status": status, "placedAt": placed.isoformat()}
        await submit_order(installation, programme.id, order_document(name, **more), now=NOW)

    await join_member(installation, programme, "c-1", now=FIRST)
    await join_member(installation, programme, "c-2", now=NOW)
    await order("o-1", "c-1", FIRST)
    await order("o-2", "c-2", SECOND)
    await order("o-3", "c-1", SECOND, "READY")
    await order("done", "c-1", FIRST, "PAID")
    await order("p-1", "c-3", FIRST, "PAID")
    await order("p-2", "c-4", NOW, "PAID")
    await join_member(installation, programme, "c-4", now=NOW)
    await take_back(installation, programme, "r-1", "nowhere", type="WARRANTY")
    dry = await sent(installation, programme, filter=criteria, dry_run=True)
    sending = await sent(installation, programme, filter=criteria)
    assert sending.filter == criteria
    expected = {name: PARKED if name in {"p-1", "r-1"} else EARNED for name in names}
    assert await results(installation, programme, sending) == expected
    assert await results(installation, programme, dry) == expected
    assert await points_of(installation, programme) == dict.fromkeys(
        {"done"} | {name for name in names if expected[name] is EARNED}, 50
    )
    assert sending.state is SendingState.DONE


async def test_with_ids_the_filter_is_ignored(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    sending = await sent(installation, programme, "o-1", filter=Filter(statuses=("READY",)))
    assert await results(installation, programme, sending) == {"o-1": EARNED}
    assert sending.filter is None


@pytest.mark.parametrize(
    ("as_of", "age", "expected"),
    [
        (PointsAsOf.NOW, 50, (50, NOW + 30 * DAY)),
        (PointsAsOf.ORDER_DATE, 50, (50, NOW - 20 * DAY)),
        (PointsAsOf.ORDER_DATE, 20, (50, NOW + 10 * DAY)),
        (PointsAsOf.ORDER_DATE, 59, (50, NOW - 29 * DAY)),
        (PointsAsOf.ORDER_DATE, 61, (0, None)),
        (PointsAsOf.NOW, 61, (50, NOW + 30 * DAY)),
    ],
)
async def test_r35_points_as_of_the_order_date_wait_and_expire_from_then(
    installation: Installation, as_of: PointsAsOf, age: int, expected: tuple[int, datetime | None]
) -> None:
    programme = await make_programme(
        installation, {"waitingTime": {"hours": 30 * 24}, "expiry": {"days": 60}}, now=LONG_BEFORE
    )
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", placedAt=(NOW - age * DAY).isoformat())
    sending = await sent(installation, programme, "o-1", as_of=as_of)
    points, available_from = expected
    assert await results(installation, programme, sending) == {"o-1": ("EARNED", points, 0, 0)}
    async with installation.db.bare_transaction(programme.id) as connection:
        lots = await connection.fetch("select available_from, expires_at from ledger.lot")
    assert [lot["available_from"] for lot in lots] == ([] if available_from is None else [available_from])
    assert all(NOW < lot["expires_at"] < NOW + 61 * DAY for lot in lots)
    available = points if available_from is not None and available_from <= NOW else 0
    assert await spendable(installation, programme) == available
