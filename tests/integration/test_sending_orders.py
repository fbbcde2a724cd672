"""R35: orders and returns are sent by hand, by ids or by a filter, and each document tells what came of it."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from pointbook.domain.errors import IdempotencyConflict, InvalidInput, ProgrammeNotOpen, SendingNotFound
from pointbook.services import order_sendings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.members import MemberState, set_state
from pointbook.services.order_sendings import DocumentType, Filter, PointsAsOf, SendingState
from pointbook.services.programmes import change_state
from tests.integration.sendings import (
    accruals,
    documents,
    found,
    kept_return,
    points_of,
    results,
    sent,
    take_back,
    waiting,
    worked_once,
)
from tests.rules.shop import LONG_BEFORE, add_rule, rule
from tests.support import (
    DAY,
    NOW,
    SENDING_TABLES,
    everything,
    join_member,
    make_programme,
    order_document,
    redeem,
    refused,
    spendable,
    topics,
)

EARNED = ("EARNED", 50, 0, 0)
PROCESSED = ("ALREADY_PROCESSED", 0, 0, 0)
PARKED = ("PARKED", 0, 0, 0)
UNKNOWN = ("REFUSED: UNKNOWN", 0, 0, 0)


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


WARRANTIES_REVERSE_NOTHING = {"typeEffects": {"WARRANTY": "NOTHING"}}


async def effect_of_return(installation: Installation, programme: ProgrammeSnapshot) -> tuple[Any, ...]:
    async with installation.db.bare_transaction(programme.id) as connection:
        row = await connection.fetchrow("select effect, by_hand from return_document")
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("together", [True, False])
async def test_r23_a_return_sent_by_hand_has_both_effects_whatever_its_type(
    installation: Installation, *, together: bool
) -> None:
    # One that waits for an order comes by itself once the order has earned, unless it is sent too.
    programme = await make_programme(installation, WARRANTIES_REVERSE_NOTHING)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await kept_return(installation, programme, "r-1", "o-1", type="WARRANTY")
    sending = await sent(installation, programme, "o-1,r-1" if together else "o-1")
    reversed_now = {"r-1": ("REVERSED", 0, 50, 0)} if together else {}
    assert await results(installation, programme, sending) == {"o-1": EARNED, **reversed_now}
    assert await effect_of_return(installation, programme) == (("BOTH", True) if together else ("NOTHING", False))
    assert await spendable(installation, programme) == (0 if together else 50)


@pytest.mark.parametrize("by_hand", [True, False])
async def test_r23_a_return_sent_before_its_order_came_is_by_hand_when_it_comes(
    installation: Installation, *, by_hand: bool
) -> None:
    programme = await make_programme(installation, WARRANTIES_REVERSE_NOTHING)
    await join_member(installation, programme)
    await take_back(installation, programme, "r-1", "o-1", type="WARRANTY")
    if by_hand:
        sending = await sent(installation, programme, "r-1")
        assert await results(installation, programme, sending) == {"r-1": PARKED}, "its order is not known"
    await submit_order(installation, programme.id, order_document(), now=NOW)
    assert await effect_of_return(installation, programme) == (("BOTH", True) if by_hand else ("NOTHING", False))
    assert await spendable(installation, programme) == (0 if by_hand else 50)


async def test_r23_a_return_that_waits_reverses_what_its_order_earned(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # Its order came, and the process died before it applied what waited.
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document("o-0"), now=NOW)
    voucher = await redeem(installation, programme, 20)
    await submit_order(installation, programme.id, order_document("o-1", voucherCode=voucher.code), now=NOW)
    await kept_return(installation, programme, "r-1", "o-1")
    sending = await sent(installation, programme, "r-1")
    assert await results(installation, programme, sending) == {"r-1": ("REVERSED", 0, 49, 20)}
    assert (sending.points_reversed, sending.points_given_back) == (49, 20)
    assert await spendable(installation, programme) == 50
    again = await sent(installation, programme, "r-1")
    assert await results(installation, programme, again) == {"r-1": PROCESSED}


async def test_a_return_that_its_order_refuses_stays_and_says_why(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await take_back(installation, programme, "r-1", "o-1", everything=False, lines=[{"id": "1", "quantity": "3"}])
    await submit_order(installation, programme.id, order_document(), now=NOW)
    before = await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry"))
    sending = await sent(installation, programme, "r-1")
    assert await results(installation, programme, sending) == {"r-1": ("REFUSED: RETURN_EXCEEDS_ORDER", 0, 0, 0)}
    [document] = await documents(installation, programme, sending)
    assert document.refusal is not None
    assert document.refusal.reason.startswith("'1': its quantity is 1")
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) == before


async def test_what_returns_took_back_before_does_not_earn(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    part = {"everything": False, "lines": [{"id": "1", "amount": "20.00"}]}
    await take_back(installation, programme, "r-1", "o-1", **part)
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": ("EARNED", 30, 0, 0)}


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


async def test_a_dry_run_changes_nothing_and_tells_the_same(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # One of a customer after the other: the cap that the first fills, the return of an order that is sent with it.
    await join_member(installation, programme, now=LONG_BEFORE)
    await join_member(installation, programme, "c-2")
    capped = rule("BASE", 7, caps={"perDay": 10})
    await add_rule(installation, programme, capped, key="capped")
    await waiting(installation, programme, "o-1", "o-2")
    await waiting(installation, programme, "o-3", customer_id="c-2")
    await waiting(installation, programme, "o-4", customer_id="nobody")
    await submit_order(installation, programme.id, order_document("o-5", customer_id="c-2"), now=NOW)
    await kept_return(installation, programme, "r-5", "o-5")
    await kept_return(installation, programme, "r-3", "o-3")
    before = await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry"))
    ids = "o-1,o-2,o-3,o-4,o-5,r-5,r-3,r-6"
    dry = await sent(installation, programme, ids, dry_run=True)
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) == before
    told = await results(installation, programme, dry)
    assert (dry.state, dry.dry_run, dry.documents_done) == (SendingState.DONE, True, 8)
    assert (told["o-1"], told["o-2"]) == (("EARNED", 57, 0, 0), ("EARNED", 53, 0, 0))
    assert (told["r-5"][0], told["r-3"]) == ("REVERSED", ("REVERSED", 0, told["o-3"][1], 0))
    real = await sent(installation, programme, ids)
    assert await results(installation, programme, real) == told
    assert (real.points_earned, real.points_reversed) == (dry.points_earned, dry.points_reversed)
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) != before


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


async def test_a_return_of_an_order_whose_lots_had_expired_in_part_reverses_what_was_granted(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"expiry": {"days": 300}}, now=LONG_BEFORE)
    await join_member(installation, programme, now=LONG_BEFORE)
    short = rule("ARTICLE", 40, targets=["tea"], expiry={"days": 10})
    await add_rule(installation, programme, short, key="short")
    await waiting(installation, programme, "o-1", placedAt=(NOW - 20 * DAY).isoformat())
    sending = await sent(installation, programme, "o-1", as_of=PointsAsOf.ORDER_DATE)
    assert sending.points_earned == 50, "the rule's 40 have expired 10 days ago"
    half = {"everything": False, "lines": [{"id": "1", "amount": "25.00"}]}
    answer = await take_back(installation, programme, "r-1", "o-1", **half)
    assert answer.reversed == 25
    rest = await take_back(installation, programme, "r-2", "o-1")
    assert (rest.reversed, await spendable(installation, programme)) == (25, 0)


async def test_the_same_key_is_the_same_sending_and_another_input_a_conflict(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    first = await sent(installation, programme, "o-1", "o-2", key="k")
    assert await sent(installation, programme, "o-2,o-1", key="k") == first
    for call in (
        sent(installation, programme, "o-1", key="k"),
        sent(installation, programme, "o-1", "o-2", dry_run=True, key="k"),
        sent(installation, programme, "o-1", "o-2", as_of=PointsAsOf.ORDER_DATE, key="k"),
        sent(installation, programme, filter=Filter(statuses=("OPEN",)), key="k"),
    ):
        await refused(call, IdempotencyConflict, installation.db, programme)
    other = await sent(installation, programme, "o-1", key="k", by="STAFF:st-2")
    assert other.id != first.id


async def test_the_same_call_many_times_at_once_is_one_sending(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1", "o-2")
    answers = await asyncio.gather(*(sent(installation, programme, "o-1,o-2", key="k") for _ in range(6)))
    assert len({answer.id for answer in answers}) == 1
    assert await accruals(installation, programme) == ["o-1", "o-2"]
    done = await found(installation, programme, answers[0])
    assert (done.state, done.points_earned) == (SendingState.DONE, 100)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "ids"),
        ({"filter": Filter()}, "ids"),
        ({"ids": [" , "]}, "ids"),
        ({"ids": ["o-1", "a\nb"]}, "ids[1]"),
        ({"ids": ["x" * 129]}, "ids[0]"),
        ({"filter": Filter(placed_from=NOW, placed_to=NOW)}, "filter.placedTo"),
        ({"filter": Filter(statuses=("PAID", ""))}, "filter.statuses[1]"),
        ({"ids": ["o-1"], "key": " "}, "idempotencyKey"),
    ],
)
async def test_bad_input_is_refused_by_its_field(
    installation: Installation, programme: ProgrammeSnapshot, given: dict[str, Any], field: str
) -> None:
    call = sent(installation, programme, *given.pop("ids", ()), **given)
    refusal = await refused(call, InvalidInput, installation.db, programme)
    assert refusal.field == field


async def test_no_sending_may_be_too_long(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(installation, programme, "o-1", "o-2", "o-3")
    monkeypatch.setattr(order_sendings, "DOCUMENTS_MAX", 2)
    for call, field in (
        (sent(installation, programme, "o-1,o-2,o-3"), "ids"),
        (sent(installation, programme, filter=Filter(statuses=("OPEN",))), "filter"),
    ):
        assert (await refused(call, InvalidInput, installation.db, programme)).field == field


async def test_a_programme_that_is_not_open_sends_nothing(installation: Installation) -> None:
    programme = await make_programme(installation)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await _close(installation, programme)
    await refused(sent(installation, programme, "o-1"), ProgrammeNotOpen, installation.db, programme)


async def test_closed_while_it_is_under_way_documents_are_refused_and_can_be_sent_again(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", 0)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    sending = await sent(installation, programme, "o-1")
    await _close(installation, programme)
    assert await worked_once(installation, programme)
    assert await results(installation, programme, sending) == {"o-1": ("REFUSED: PROGRAMME_NOT_OPEN", 0, 0, 0)}
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=NOW)
    again = await sent(installation, programme, "o-1")
    assert await worked_once(installation, programme)
    assert await results(installation, programme, again) == {"o-1": EARNED}


async def test_an_order_in_another_currency_is_refused(installation: Installation) -> None:
    programme = await make_programme(installation)
    await waiting(installation, programme, "o-1")
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update sales_order set currency = 'PLN'")  # as before a change of currency
    await join_member(installation, programme)
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": ("REFUSED: CURRENCY_MISMATCH", 0, 0, 0)}


async def test_another_programmes_sending_is_not_found(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = await make_programme(installation)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    sending = await sent(installation, programme, "o-1", key="k")
    with pytest.raises(SendingNotFound):
        await order_sendings.find_sending(installation, other.id, sending.id)
    with pytest.raises(SendingNotFound):
        await order_sendings.cancel_sending(installation, other.id, sending.id, now=NOW)
    assert await order_sendings.sent_documents(installation, other.id, sending.id) == []
    assert await order_sendings.list_sendings(installation, other.id) == []
    theirs = await sent(installation, other, "o-1", key="k")
    assert await results(installation, other, theirs) == {"o-1": UNKNOWN}


async def _close(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW - DAY)
    await change_state(installation, programme.id, ProgrammeState.CLOSED, now=NOW)
