"""R28 through the API: an order that was cancelled and is completed again."""

import asyncio
import itertools
from typing import Any

import pytest

from pointbook import ledger
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.scenarios.test_late_purchases import told as warned
from tests.support import give_points

L = {"basePointsPerOrder": 10, "giveBackGraceDays": 30}
NOW = "2026-03-06 09:00"
T1, T2, T3, T4, T5 = (at(f"2026-03-0{day} 10:00").isoformat() for day in range(1, 6))
LINES = [
    {"id": "1", "articleId": "pot", "quantity": 1, "amount": "48.00"},
    {"id": "2", "articleId": "cup", "quantity": 2, "amount": "32.00"},
]


async def bought(opened: OpenShop, **settings: Any) -> tuple[Shop, str]:
    """A member with 600 points, all held for a cart, at the code; the order is yet to come."""
    shop = await opened(NOW, **{**L, **settings})
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    return shop, (await shop.redeem(600, "80.00"))["voucherCode"]


async def complete(shop: Shop, code: str, status_at: str | None, **more: Any) -> dict[str, Any]:
    more = {"placedAt": at("2026-03-01 09:00").isoformat(), "lines": LINES, "voucherCode": code, **more}
    return await shop.order("o-1", "80.00", statusAt=status_at, **more)


async def cancel(shop: Shop, external_id: str, made_at: str | None) -> dict[str, Any]:
    return await shop.take_back(external_id, "o-1", kind="CANCELLATION", returnedAt=made_at)


async def figures(shop: Shop) -> tuple[int, int, int]:
    balance = await shop.balance()
    return balance["spendable"], balance["debt"], balance["held"]


async def test_r28_it_earns_anew_and_takes_its_points_again(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    assert (await complete(shop, code, T1))["points"] == 60
    cancelled = await cancel(shop, "c-1", T2)
    assert (cancelled["pointsGivenBack"], cancelled["pointsReversed"], cancelled["orderReturned"]) == (
        600,
        60,
        "CANCELLED",
    )
    assert await figures(shop) == (600, 0, 0)
    again = await complete(shop, code, T3)
    assert (again["outcome"], again["points"], again["redeemed"]["amount"]) == ("EARNED", 60, "30.00")
    assert await figures(shop) == (60, 0, 0)
    assert await complete(shop, code, T3) == again
    history = (await shop.me("history(first: 9) { nodes { id kind points } }"))["history"]["nodes"]
    assert [(it["kind"], it["points"]) for it in history] == [
        ("ACCRUAL", 60),
        ("LATE_CAPTURE", -600),
        ("REVERSAL", -60),
        ("GIVE_BACK", 600),
        ("ACCRUAL", 60),
        ("CAPTURE", -600),
        ("HOLD", 0),
        ("ACCRUAL", 600),
    ]
    second = await cancel(shop, "c-2", T4)
    assert (second["pointsGivenBack"], second["pointsReversed"], second["money"]["amount"]) == (600, 60, "50.00")
    assert await figures(shop) == (600, 0, 0)
    assert (await complete(shop, code, T5))["points"] == 60
    assert await figures(shop) == (60, 0, 0)


async def test_r28_it_earns_by_what_is_in_force_then_and_each_time_is_explained(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    await shop.change(basePointsPerOrder=25)
    assert (await complete(shop, code, T3))["points"] == 75
    history = (await shop.me("history(first: 9) { nodes { id kind } }"))["history"]["nodes"]
    new, old, _ = [it["id"] for it in history if it["kind"] == "ACCRUAL"]
    for entry, points, base in ((old, 60, 10), (new, 75, 25)):
        explained = await shop.explain_entry(entry)
        assert explained["points"] == points
        assert [rule["points"] for rule in explained["rules"] if rule["kind"] == "BASE"] == [base]


async def test_r28_a_returned_part_of_it_is_reckoned_from_its_new_beginning(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    first = await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T2)
    await cancel(shop, "c-1", T2)
    await complete(shop, code, T3)
    part = await shop.take_back("r-2", "o-1", {"id": "2"}, returnedAt=T4)
    for name in ("pointsGivenBack", "money", "pointsReversed", "orderReturned"):
        assert part[name] == first[name]
    rest = await cancel(shop, "c-2", T5)
    assert (
        part["pointsGivenBack"] + rest["pointsGivenBack"],
        part["pointsReversed"] + rest["pointsReversed"],
    ) == (
        600,
        60,
    )


REPORTS = ("completed", "part returned", "cancelled", "completed again")


async def report(shop: Shop, code: str, name: str) -> None:
    match name:
        case "completed":
            await complete(shop, code, T1)
        case "part returned":
            await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T2)
        case "cancelled":
            await cancel(shop, "c-1", T3)
        case _:
            await complete(shop, code, T4)


@pytest.mark.parametrize("order", list(itertools.permutations(REPORTS)), ids=", ".join)
async def test_r28_the_reports_may_come_in_any_order_and_often(opened: OpenShop, order: tuple[str, ...]) -> None:
    shop, code = await bought(opened)
    for name in (*order, *order[:2], *reversed(order)):
        await report(shop, code, name)
    assert await figures(shop) == (60, 0, 0)
    part = await shop.take_back("r-9", "o-1", {"id": "2"}, returnedAt=T5)
    assert (part["pointsGivenBack"], part["pointsReversed"]) == (240, 20)


async def test_r28_a_first_completion_that_comes_late_changes_nothing(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T3)
    for status_at in (T1, T2, T3):
        late = await complete(shop, code, status_at)
        assert late["points"] == 60  # of the occurrence that was taken back
    assert await figures(shop) == (600, 0, 0)


async def test_an_older_status_that_comes_late_changes_nothing(opened: OpenShop) -> None:
    """Not even of an order that has not earned: what the shop said last stands, whatever the old report holds."""
    shop = await opened(NOW, **L)
    await shop.join()
    newer = {"status": "ON_HOLD", "statusAt": T2, "placedAt": T1}
    assert (await shop.order("o-1", "80.00", **newer))["outcome"] == "RECEIVED"
    assert (await shop.order("o-1", "80.00", statusAt=T1, placedAt=T1))["outcome"] == "RECEIVED"
    assert (await shop.order("o-1", "10.00", statusAt=T1, placedAt=T1))["outcome"] == "RECEIVED"
    assert await figures(shop) == (0, 0, 0)
    assert (await shop.order("o-1", "80.00", statusAt=T3, placedAt=T1))["points"] == 90


async def test_r28_without_instants_nobody_can_tell_and_nothing_changes(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, None)
    await cancel(shop, "c-1", None)
    await complete(shop, code, None)
    assert await figures(shop) == (600, 0, 0)


async def test_r28_other_content_is_a_conflict(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    assert (await complete(shop, code, T3, lines=LINES[:1]))["code"] == "ORDER_CONFLICT"
    assert await figures(shop) == (600, 0, 0)


async def test_r28_points_spent_meanwhile_are_owed_and_staff_are_warned(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    await shop.capture((await shop.redeem(500, "100.00", cart="another"))["voucherCode"])
    again = await complete(shop, code, T3)
    assert (again["points"], again["redeemed"]["amount"]) == (60, "30.00")
    assert await figures(shop) == (0, 440, 0)
    assert await warned(shop) == [("LATE_PURCHASE_OWED", "order o-1", {"points": 600, "owed": 500})]
    await cancel(shop, "c-2", T4)
    assert await figures(shop) == (100, 0, 0)


@pytest.mark.parametrize("completed_first", [False, True])
async def test_r28_where_nobody_may_owe_it_is_not_completed_again(opened: OpenShop, completed_first: bool) -> None:  # noqa: FBT001
    shop, code = await bought(opened, clawback="WITHIN_BALANCE")
    await complete(shop, code, T1)
    await give_points(shop.installation, shop.programme, "c-1", 30, now=shop.clock())
    if completed_first:
        await complete(shop, code, T3)
        await shop.capture((await shop.redeem(20, "100.00", cart="another"))["voucherCode"])
        await cancel(shop, "c-1", T2)
        assert await figures(shop) == (70, 0, 0)  # 600 given back pay the completion; 60 anew
    else:
        await cancel(shop, "c-1", T2)
        await shop.capture((await shop.redeem(100, "100.00", cart="another"))["voucherCode"])
        answer = await complete(shop, code, T3)
        assert (answer["code"], answer["requested"], answer["available"]) == ("INSUFFICIENT_POINTS", 600, 530)
        assert await figures(shop) == (530, 0, 0)
        assert [kind for kind, _, _ in await warned(shop)] == ["LATE_PURCHASE_REFUSED"]


async def test_r28_points_that_were_not_given_back_go_on_paying(opened: OpenShop) -> None:
    shop, code = await bought(opened, typeEffects={"RETURN": "EARNING"})
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", returnedAt=T2)
    await cancel(shop, "c-1", T2)
    assert await figures(shop) == (0, 0, 0)
    again = await complete(shop, code, T3)
    assert (again["points"], again["redeemed"]["amount"]) == (60, "30.00")
    assert await figures(shop) == (60, 0, 0)


async def test_r28_points_given_back_in_part_are_not_taken_again(opened: OpenShop) -> None:
    shop, code = await bought(opened, typeEffects={"RETURN": "BOTH", "CREDIT_NOTE": "EARNING"})
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T2)
    await shop.take_back("r-2", "o-1", kind="CREDIT_NOTE", returnedAt=T2)
    await cancel(shop, "c-0", T2)
    assert await figures(shop) == (240, 0, 0)
    again = await complete(shop, code, T3)
    assert (again["points"], again["redeemed"]["amount"]) == (90, "0.00")
    assert await warned(shop) == [("REDEMPTION_NOT_REPEATED", "order o-1", {"captured": 600, "givenBack": 240})]
    rest = await cancel(shop, "c-1", T4)
    assert (rest["pointsGivenBack"], rest["pointsReversed"], rest["money"]["amount"]) == (0, 90, "80.00")


async def test_r28_an_order_whose_customer_has_not_joined_begins_anew_too(opened: OpenShop) -> None:
    shop = await opened(NOW, **L, releaseParkedOnJoin=True)
    lines = {"lines": LINES, "placedAt": at("2026-03-01 09:00").isoformat()}
    assert (await shop.order("o-1", "80.00", statusAt=T1, **lines))["outcome"] == "PARKED"
    await cancel(shop, "c-1", T2)
    assert (await shop.order("o-1", "80.00", statusAt=T3, **lines))["outcome"] == "PARKED"
    await shop.join()
    assert await figures(shop) == (90, 0, 0)
    assert (await cancel(shop, "c-2", T4))["pointsReversed"] == 90


async def test_r28_at_once_it_is_completed_again_once(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    for round_number in range(4):
        cancelled_at = at(f"2026-03-05 1{round_number}:00").isoformat()
        completed_at = at(f"2026-03-05 1{round_number}:30").isoformat()
        await asyncio.gather(
            *(cancel(shop, f"c-{round_number}", cancelled_at) for _ in range(3)),
            *(complete(shop, code, completed_at) for _ in range(3)),
        )
        assert await figures(shop) == (60, 0, 0)


async def test_r28_only_a_cancelled_order_is_completed_again(opened: OpenShop) -> None:
    """An order that came back and is changed afterwards, by a note say, has not been completed again."""
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", returnedAt=T2)
    await complete(shop, code, T3)
    assert await figures(shop) == (600, 0, 0)
    await cancel(shop, "c-1", T2)  # reported after both: now it has
    assert await figures(shop) == (60, 0, 0)


async def test_r28_a_return_and_a_cancellation_make_it_cancelled_in_either_order(opened: OpenShop) -> None:
    for first in (True, False):
        shop, code = await bought(opened)
        await complete(shop, code, T1)
        reports = [cancel(shop, "c-1", T2), shop.take_back("r-1", "o-1", returnedAt=T3)]
        for report_ in reports if first else reversed(reports):
            await report_
        await complete(shop, code, T4)
        assert await figures(shop) == (60, 0, 0)


async def test_r28_what_comes_back_of_it_may_be_reported_before_that_is_known(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T4)  # of what is completed again at T3
    await cancel(shop, "c-1", T2)
    assert await figures(shop) == (600, 0, 0)
    await complete(shop, code, T3)
    assert await figures(shop) == (240 + 40, 0, 0)
    again = await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T4)
    assert (again["pointsGivenBack"], again["pointsReversed"], again["replayed"]) == (240, 20, True)


async def test_a_status_of_the_future_is_refused(opened: OpenShop) -> None:
    """A shop that writes local time as UTC learns it at once: what comes next would count as earlier."""
    shop, code = await bought(opened)
    answer = await complete(shop, code, at("2026-03-06 10:00").isoformat())
    assert (answer["code"], answer["message"]) == ("INVALID_INPUT", "order.statusAt: must not be in the future")
    assert (await complete(shop, code, at("2026-03-06 09:00:30").isoformat()))["points"] == 60


async def test_the_instant_of_one_status_is_not_that_of_another(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, None)
    await complete(shop, code, T3, status="CANCELLED")
    await complete(shop, code, None)
    await cancel(shop, "c-1", T2)
    assert await figures(shop) == (600, 0, 0)


async def test_r28_the_room_under_a_cap_is_there_again(opened: OpenShop) -> None:
    shop = await opened(NOW, revenuePerPoint="1000000.00")
    await shop.join()
    await shop.add_rule("Topf", "ARTICLE", points=50, targets=["pot"], caps={"perDay": 60})
    lines = {"lines": LINES, "placedAt": shop.clock().isoformat()}
    assert (await shop.order("o-1", "80.00", statusAt=T1, **lines))["points"] == 50
    await cancel(shop, "c-1", T2)
    assert (await shop.order("o-1", "80.00", statusAt=T3, **lines))["points"] == 50
    assert (await shop.order("o-2", "80.00", **lines))["points"] == 10


async def test_a_corrected_document_is_of_when_it_was_corrected(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    shop.clock.now = at("2026-03-06 09:10")
    await shop.take_back("r-1", "o-1", {"id": "2", "quantity": 5})  # waits, and will not fit
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    shop.clock.now = at("2026-03-06 12:00")
    await complete(shop, code, at("2026-03-06 11:00").isoformat())
    shop.clock.now = at("2026-03-06 13:00")
    corrected = await shop.take_back("r-1", "o-1")
    assert (corrected["pointsGivenBack"], corrected["pointsReversed"]) == (600, 60)
    assert await figures(shop) == (600, 0, 0)


@pytest.mark.parametrize("completed_first", [True, False])
async def test_an_order_that_waits_for_an_address_goes_on_waiting(opened: OpenShop, completed_first: bool) -> None:  # noqa: FBT001
    shop = await opened(NOW, **L)
    customer = {"externalId": "guest-1", "email": "clara@example.org", "emailVerified": True}
    more = {"lines": LINES, "placedAt": T1, "customer": customer}
    await shop.order("o-1", "80.00", statusAt=T1, **more)
    calls = [lambda: cancel(shop, "c-1", T2), lambda: shop.order("o-1", "80.00", statusAt=T3, **more)]
    for call in reversed(calls) if completed_first else calls:
        await call()
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        row = await connection.fetchrow("select occurrence, state, customer_email from sales_order")
    assert tuple(row or ()) == (2, "PARKED", "clara@example.org")


async def test_whose_customer_joined_meanwhile_is_locked_before_the_order(opened: OpenShop) -> None:
    """Lock order: whoever holds the account may lock the order."""
    shop = await opened(NOW, **L)
    more = {"lines": LINES, "placedAt": T1}
    await shop.order("o-1", "80.00", statusAt=T1, **more)
    await cancel(shop, "c-1", T2)
    await shop.join()
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        account = await connection.fetchval("select account_id from member")
        await ledger.lock(connection, shop.programme.id, [account])
        waiting = asyncio.create_task(shop.order("o-1", "80.00", statusAt=T3, **more))
        await asyncio.sleep(0.3)
        await connection.fetchrow("select from sales_order where external_id = 'o-1' for no key update nowait")
    assert (await waiting)["points"] == 90


async def test_every_refusal_with_other_figures_is_told(opened: OpenShop) -> None:
    shop, code = await bought(opened, clawback="WITHIN_BALANCE")
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    await shop.capture((await shop.redeem(100, "100.00", cart="x"))["voucherCode"])
    for _ in range(2):
        assert (await complete(shop, code, T3))["code"] == "INSUFFICIENT_POINTS"
    await shop.capture((await shop.redeem(450, "100.00", cart="y"))["voucherCode"])
    assert (await complete(shop, code, T3))["code"] == "INSUFFICIENT_POINTS"
    figures_told = [detail["available"] for _, _, detail in await warned(shop)]
    assert figures_told == [50, 500]


async def test_r28_without_its_code_it_is_completed_again_and_paid_with_money(opened: OpenShop) -> None:
    shop, code = await bought(opened, clawback="WITHIN_BALANCE")
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T2)
    await shop.capture((await shop.redeem(600, "100.00", cart="x"))["voucherCode"])
    assert (await complete(shop, code, T3))["code"] == "INSUFFICIENT_POINTS"
    again = await shop.order("o-1", "80.00", statusAt=T3, placedAt=at("2026-03-01 09:00").isoformat(), lines=LINES)
    assert (again["points"], again["redeemed"]["amount"]) == (90, "0.00")
    rest = await cancel(shop, "c-2", T4)
    assert (rest["pointsGivenBack"], rest["pointsReversed"], rest["money"]["amount"]) == (0, 90, "80.00")


@pytest.mark.parametrize("completed_first", [True, False])
async def test_the_answer_says_how_the_order_stands(opened: OpenShop, completed_first: bool) -> None:  # noqa: FBT001
    shop, code = await bought(opened)
    await complete(shop, code, T3 if completed_first else T1)
    for _ in range(2):
        answer = await cancel(shop, "c-1", T2)
        assert answer["orderReturned"] == ("NONE" if completed_first else "CANCELLED")


async def test_r28_a_return_that_waited_and_did_not_fit_may_fit_what_is_completed_again(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await cancel(shop, "c-1", T2)
    await shop.take_back("r-1", "o-1", {"id": "2", "amount": "16.00"}, returnedAt=T4)
    await complete(shop, code, T1)  # the cancellation takes all, and nothing is left for the return
    assert await figures(shop) == (600, 0, 0)
    await complete(shop, code, T3)
    assert await figures(shop) == (120 + 50, 0, 0)


async def test_r28_what_was_not_reversed_is_not_earned_anew(opened: OpenShop) -> None:
    shop, code = await bought(opened, typeEffects={"RETURN": "REDEMPTION"})
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", returnedAt=T2)
    await cancel(shop, "c-1", T2)
    assert await figures(shop) == (660, 0, 0)
    await complete(shop, code, T3)
    assert await figures(shop) == (660, 0, 0)


async def test_a_return_is_passed_over_only_for_what_took_both(opened: OpenShop) -> None:
    shop, code = await bought(opened, typeEffects={"WARRANTY": "NOTHING"})
    await complete(shop, code, T1)
    await shop.take_back("w-1", "o-1", kind="WARRANTY", returnedAt=T3)
    late = await shop.take_back("r-1", "o-1", {"id": "2", "amount": "16.00"}, returnedAt=T2)
    assert late["code"] == "RETURN_EXCEEDS_ORDER"


async def test_a_return_that_is_passed_over_must_be_of_the_order(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await complete(shop, code, T1)
    await cancel(shop, "c-1", T3)
    assert (await shop.take_back("r-1", "o-1", {"id": "nope"}, returnedAt=T2))["code"] == "INVALID_INPUT"
    exceeds = await shop.take_back("r-2", "o-1", {"id": "2", "quantity": 99}, returnedAt=T2)
    assert exceeds["code"] == "RETURN_EXCEEDS_ORDER"
    passed = await shop.take_back("r-3", "o-1", {"id": "2", "amount": "16.00"}, returnedAt=T2)
    assert (passed["outcome"], passed["value"]["amount"], passed["money"]) == ("APPLIED", "0.00", None)


async def test_r28_completed_again_without_its_code_what_still_pays_goes_on(opened: OpenShop) -> None:
    shop, code = await bought(opened, typeEffects={"RETURN": "EARNING"})
    await complete(shop, code, T1)
    await shop.take_back("r-1", "o-1", returnedAt=T2)
    await cancel(shop, "c-1", T2)
    placed = at("2026-03-01 09:00").isoformat()
    again = await shop.order("o-1", "80.00", statusAt=T3, placedAt=placed, lines=LINES)
    assert (again["points"], again["redeemed"]["amount"]) == (60, "30.00")
    assert (await complete(shop, code, T3))["points"] == 60
    assert (await cancel(shop, "c-2", T4))["pointsGivenBack"] == 600


async def test_what_waits_for_the_order_is_applied_to_what_is_completed_again(opened: OpenShop) -> None:
    shop, code = await bought(opened)
    await shop.take_back("r-1", "o-1", {"id": "2"}, returnedAt=T4)
    await cancel(shop, "c-1", T2)
    await complete(shop, code, T3)
    assert await figures(shop) == (280, 0, 0)


async def test_r28_what_a_call_captured_for_the_order_is_taken_again_too(opened: OpenShop) -> None:
    """The order never carried the code: that it has none says nothing."""
    shop, code = await bought(opened)
    assert (await shop.capture(code, order="o-1"))["state"] == "CAPTURED"
    more = {"placedAt": at("2026-03-01 09:00").isoformat(), "lines": LINES}
    assert (await shop.order("o-1", "80.00", statusAt=T1, **more))["redeemed"]["amount"] == "30.00"
    await cancel(shop, "c-1", T2)
    assert await figures(shop) == (600, 0, 0)
    again = await shop.order("o-1", "80.00", statusAt=T3, **more)
    assert (again["points"], again["redeemed"]["amount"]) == (60, "30.00")
    assert await figures(shop) == (60, 0, 0)
