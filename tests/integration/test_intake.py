"""Orders: one effect each, whatever way and how often they arrive."""

import asyncio
from typing import Any

import asyncpg
import pytest

from pointbook.db.queries import orders
from pointbook.domain import errors
from pointbook.services import redemption
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import ORDERS_MAX, Outcome, SubmittedOrder, submit_order, submit_orders
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import change_state
from pointbook.services.redemption import Capture
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.support import (
    DAY,
    NOW,
    everything,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    outbox,
    outcomes,
    redeem,
    refused,
    server,
    spendable,
    topics,
)


async def test_an_order_earns_and_tells_it_in_the_same_transaction(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    member = (await join_member(installation, programme)).member
    answer = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (answer.outcome, answer.points, answer.total.decimal, answer.replayed) == ("EARNED", 50, "50.00", False)
    assert await spendable(installation, programme) == 50
    assert (await outbox(installation.db, programme))[1:] == [
        (
            "points.credited",
            {
                "account": member.public_id.hex,
                "entry": f"{member.public_id.hex}-1",
                "points": 50,
                "availableFrom": NOW.isoformat(),
            },
        )
    ]


@pytest.mark.parametrize(
    ("amounts", "points"),
    [(["19.49"], 29), (["19.50"], 30), (["0.49"], 10), (["0.50"], 11), (["0.50", "0.50", "0.50"], 12)],
)
async def test_e01_and_e02_revenue_is_rounded_once_per_order_and_base_points_are_added(
    installation: Installation, amounts: list[str], points: int
) -> None:
    programme = await make_programme(installation, {"basePointsPerOrder": 10})
    await join_member(installation, programme)
    lines = [
        {"id": str(n), "articleId": "tea", "quantity": 1, "amount": amount} for n, amount in enumerate(amounts)
    ]
    answer = await submit_order(installation, programme.id, order_document(lines=lines), now=NOW)
    assert answer.points == points


async def test_r23_the_same_order_again_is_answered_alike_and_changes_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    first = await submit_order(installation, programme.id, order_document(), now=NOW)
    before = await everything(installation.db, programme)
    again = order_document()
    again["lines"][0]["amount"] = 50  # another spelling of the same amount
    second = await submit_order(installation, programme.id, again, now=NOW + DAY)
    assert (second.outcome, second.points, second.replayed) == (first.outcome, first.points, True)
    assert await everything(installation.db, programme) == before


@pytest.mark.parametrize("status", ["PAID", "NEW"])
async def test_a_new_order_does_not_earn_on_what_a_voucher_pays_that_is_captured_at_the_same_time(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    await member_with_points(installation, programme, 400)
    voucher = await redeem(installation, programme, 400)
    look, looks = orders.known, iter([True])

    async def known(*arguments: Any) -> orders.Known:
        answer = await look(*arguments)
        if next(looks, False):
            await redemption.capture(
                installation, server(programme), Capture(voucher.code, "key", order="o-1"), now=NOW
            )
        return answer

    monkeypatch.setattr(orders, "known", known)
    answer = await submit_order(installation, programme.id, order_document(status=status), now=NOW)
    assert (answer.redeemed.decimal, answer.points) == ("20.00", 30 if status == "PAID" else 0)


async def test_a_code_typed_in_another_way_is_no_other_content(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 400)
    code = (await redeem(installation, programme, 400)).code
    for typed, is_replayed in ((code, False), (code.lower().replace("-", " "), True)):
        answer = await submit_order(installation, programme.id, order_document(voucherCode=typed), now=NOW)
        assert (answer.redeemed.decimal, answer.replayed) == ("20.00", is_replayed)
    with pytest.raises(errors.OrderConflict):
        await submit_order(installation, programme.id, order_document(voucherCode="no code"), now=NOW)


async def test_r06_an_order_earns_once_its_status_qualifies_and_a_late_older_status_undoes_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    seen = [
        await submit_order(installation, programme.id, order_document(status=status), now=NOW)
        for status in ("NEW", "PAID", "NEW", "SENT")
    ]
    assert [answer.outcome for answer in seen] == ["RECEIVED", "EARNED", "EARNED", "EARNED"]
    assert [answer.points for answer in seen] == [0, 50, 50, 50]
    assert await spendable(installation, programme) == 50
    assert await _column(installation, programme, "status") == "SENT"


async def test_an_order_may_be_corrected_until_it_has_earned(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(amount="50.00", status="NEW"), now=NOW)
    answer = await submit_order(installation, programme.id, order_document(amount="30.00"), now=NOW)
    assert (answer.outcome, answer.points) == (Outcome.EARNED, 30)
    late = submit_order(installation, programme.id, order_document(amount="50.00"), now=NOW)
    assert (await refused(late, errors.OrderConflict, installation.db, programme)).external_id == "o-1"
    assert await spendable(installation, programme) == 30


async def test_r14_an_order_of_somebody_unknown_is_parked_and_earns_when_reported_after_joining(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    first = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (first.outcome, first.points) == (Outcome.PARKED, 0)
    assert (await submit_order(installation, programme.id, order_document(), now=NOW)).replayed
    await join_member(installation, programme)
    assert await spendable(installation, programme) == 0  # releaseParkedOnJoin is off
    second = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (second.outcome, second.points, second.replayed) == (Outcome.EARNED, 50, False)
    assert await spendable(installation, programme) == 50


async def test_the_address_of_a_parked_order_is_kept_only_while_it_waits_and_only_when_verified(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    named = {"externalId": "c-1", "email": "Ann@Example.com", "emailVerified": True}
    await submit_order(installation, programme.id, order_document(customer=named), now=NOW)
    assert await _column(installation, programme, "customer_email") == "ann@example.com"
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(customer=named), now=NOW)
    assert await _column(installation, programme, "customer_email") is None
    unverified = {**named, "externalId": "c-2", "emailVerified": False}
    await submit_order(installation, programme.id, order_document("o-2", customer=unverified), now=NOW)
    async with installation.db.bare_transaction(programme.id) as connection:
        kept = await connection.fetch("select t::text as row from sales_order t")
    assert not [row for row in kept if "example" in row["row"].lower()]


async def test_e38_while_earning_is_stopped_an_order_earns_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    answer = await submit_order(installation, programme.id, order_document(), now=NOW)
    assert (answer.outcome, answer.points) == (Outcome.EARNED, 0)


async def test_nobody_submits_orders_to_a_draft(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    call = submit_order(installation, programme.id, order_document(), now=NOW)
    assert (await refused(call, errors.ProgrammeNotOpen, installation.db, programme)).state == "DRAFT"


async def test_e39_a_locked_member_earns_and_an_inactive_one_does_not(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for external_id in ("locked", "inactive"):
        await join_member(installation, programme, external_id)
    await set_redemption_lock(installation, programme.id, "locked", locked=True, now=NOW)
    await set_state(installation, programme.id, "inactive", MemberState.INACTIVE, now=NOW)
    documents = [order_document(who, customer_id=who) for who in ("locked", "inactive")]
    answers = await submit_orders(installation, programme.id, documents, now=NOW)
    assert [isinstance(answer, SubmittedOrder) and answer.points for answer in answers] == [50, 0]
    assert await spendable(installation, programme, "inactive") == 0


async def test_a_store_that_is_switched_off_earns_nothing_and_an_unknown_one_is_refused(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    for store in ("open", "off"):
        await add_store(installation, programme.id, NewStore(store, store), now=NOW)
    await switch_store(installation, programme.id, "off", active=False, now=NOW)
    documents = [order_document(store, store=store) for store in ("open", "off")]
    answers = await submit_orders(installation, programme.id, documents, now=NOW)
    assert [isinstance(answer, SubmittedOrder) and answer.points for answer in answers] == [50, 0]
    call = submit_order(installation, programme.id, order_document("o-3", store="moon"), now=NOW)
    assert (await refused(call, errors.UnknownStore, installation.db, programme)).store == "moon"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"currency": "USD"}, errors.CurrencyMismatch),
        ({"lines": []}, errors.InvalidInput),
        ({"externalId": "a\x00b"}, errors.InvalidInput),
        ({"status": "\ud800"}, errors.InvalidInput),
        ({"voucherCode": "no code"}, errors.VoucherNotUsable),
        ({"voucherCode": "0000-0000-0000"}, errors.VoucherNotUsable),
    ],
)
async def test_a_refused_order_leaves_no_trace(
    installation: Installation, programme: ProgrammeSnapshot, change: dict[str, Any], error: type[Exception]
) -> None:
    await join_member(installation, programme)
    call = submit_order(installation, programme.id, order_document() | change, now=NOW)
    await refused(call, error, installation.db, programme)


async def test_each_order_of_a_batch_stands_by_itself(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    documents = [
        order_document("a"),
        order_document("b", currency="USD"),
        order_document("a"),
        order_document("c"),
    ]
    answers = await submit_orders(installation, programme.id, documents, now=NOW)
    assert [type(answer).__name__ for answer in answers] == [
        "SubmittedOrder", "CurrencyMismatch", "SubmittedOrder", "SubmittedOrder",
    ]  # fmt: skip
    assert await spendable(installation, programme) == 100
    with pytest.raises(errors.InvalidInput):
        await submit_orders(installation, programme.id, [order_document()] * (ORDERS_MAX + 1), now=NOW)


async def test_many_deliveries_of_one_order_at_once_have_one_effect(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    answers = await asyncio.gather(
        *(submit_order(installation, programme.id, order_document(), now=NOW) for _ in range(12))
    )
    assert {(answer.outcome, answer.points) for answer in answers} == {(Outcome.EARNED, 50)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await spendable(installation, programme) == 50
    assert await topics(installation.db, programme) == ["member.joined", "points.credited"]


async def test_deliveries_in_any_status_at_once_earn_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    for order in range(5):
        documents = [order_document(f"o-{order}", status=status) for status in ("NEW", "PAID", "SENT", "PAID")]
        await asyncio.gather(*(submit_order(installation, programme.id, it, now=NOW) for it in documents))
    assert await spendable(installation, programme) == 250


async def test_corrections_at_once_earn_for_one_content_only(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(status="NEW"), now=NOW)
    answers = await asyncio.gather(
        *(
            submit_order(installation, programme.id, order_document(amount=f"{amount}.00"), now=NOW)
            for amount in range(60, 68)
        ),
        return_exceptions=True,
    )
    [earned] = [answer for answer in answers if isinstance(answer, SubmittedOrder)]
    assert outcomes(answers, errors.OrderConflict) == 7
    assert await spendable(installation, programme) == earned.points


async def test_e18_a_programmes_waiting_time_and_expiry_shape_the_lot(installation: Installation) -> None:
    settings = {"waitingTime": {"days": 30}, "expiry": {"days": 150}}
    programme = await make_programme(installation, settings)
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    days = {day: await spendable(installation, programme, now=NOW + day * DAY) for day in (0, 29, 31, 150, 151)}
    assert days == {0: 0, 29: 0, 31: 50, 150: 50, 151: 0}


async def test_what_is_known_of_an_order_is_found_by_keys_and_not_by_reading_all_members(
    programme: ProgrammeSnapshot, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    # Row-level security keeps any condition that may leak, a coalesce too, from becoming a condition of an index.
    # With all tables full and known to the planner, no other plan is cheap. Nothing of it stays.
    transaction = admin.transaction()
    await transaction.start()
    for table, columns, row in (
        ("member", "account_id, public_id, joined_at", "n, gen_random_uuid(), now()"),
        ("member_external_id", "external_id, account_id", "'c-' || n, n"),
        (
            "ledger.entry",
            "account_id, seq, kind, at, source_type, source_id, occurrence",
            "n, 1, 'accrual', now(), 'order', 'o-' || n, 1",
        ),
    ):
        await admin.execute(
            f"insert into {table} (programme_id, {columns})"
            f" select {programme.id}, {row} from generate_series(1, 2000) as n"
        )
        await admin.execute(f"analyze {table}")
    await admin.execute("set local role pointbook_app")
    await admin.execute("set local enable_seqscan = off")  # what a table without rows is best read by
    await admin.fetch("select set_config('app.programme', $1, true)", str(programme.id))
    statement = orders._KNOWN
    for place, argument in enumerate((str(programme.id), "'o-1'", "'c-1'"), 1):
        statement = statement.replace(f"${place}", argument)
    plan = [row[0] for row in await admin.fetch(f"explain (costs off) {statement}")]
    await transaction.rollback()
    conditions = " ".join(line for line in plan if "Index Cond" in line)
    for condition in ("account_id = customer.account_id", "account_id = known.account_id", "source_id = 'o-1'"):
        assert condition in conditions, "\n".join(plan)


async def _column(installation: Installation, programme: ProgrammeSnapshot, name: str) -> Any:
    async with installation.db.bare_transaction(programme.id) as connection:
        return await connection.fetchval(f"select {name} from sales_order where external_id = 'o-1'")
