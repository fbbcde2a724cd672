"""The examples of returns, each through the API: what is refunded, given back and taken back."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from pointbook import ledger
from pointbook.db.queries import returns
from pointbook.domain.errors import InvalidInput
from pointbook.services import intake
from pointbook.services.directory import ProgrammeState
from pointbook.services.earning_rules import create_rule, edit_rule
from pointbook.services.programmes import change_state
from pointbook.services.returns import apply_all_parked
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import give_points, outbox

L = {"basePointsPerOrder": 10}
TWO_LINES = [
    {"id": "1", "articleId": "pot", "quantity": 1, "amount": "48.00"},
    {"id": "2", "articleId": "cup", "quantity": 2, "amount": "32.00"},
]


async def paid_with_points(shop: Shop, points: int, total: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """An order of a member who has just these points, and pays with them."""
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", points, now=shop.clock())
    held = await shop.redeem(points, total)
    return await shop.order("o-1", total, lines=lines, voucherCode=held["voucherCode"])


def told(answer: dict[str, Any]) -> tuple[int, str, int]:
    """Points given back, money, points reversed."""
    return answer["pointsGivenBack"], (answer["money"] or {"amount": ""})["amount"], answer["pointsReversed"]


async def test_e24_a_full_return_undoes_earning_and_redemption(opened: OpenShop) -> None:
    shop = await opened(**L)
    assert (await paid_with_points(shop, 600, "80.00", TWO_LINES))["points"] == 60
    answer = await shop.take_back("r-1", "o-1")
    assert told(answer) == (600, "50.00", 60)
    assert (answer["outcome"], answer["orderReturned"], answer["debt"]) == ("APPLIED", "ALL", 0)
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (600, 0)
    messages = await outbox(shop.installation.db, shop.programme)
    [payload] = [payload for topic, payload in messages if topic == "points.returned"]
    assert (payload["order"], payload["givenBack"], payload["reversed"]) == ("o-1", 600, 60)
    kinds = await shop.me("history(first: 2) { nodes { kind points } }")
    assert [(it["kind"], it["points"]) for it in kinds["history"]["nodes"]] == [
        ("REVERSAL", -60),
        ("GIVE_BACK", 600),
    ]


@pytest.mark.parametrize(
    ("split", "first"),
    [
        ("POINTS_FIRST", (600, "2.00", 2)),
        ("MONEY_FIRST", (0, "32.00", 32)),
        ("PROPORTIONAL", (240, "20.00", 20)),
    ],
)
async def test_e25_a_partial_return_is_split_as_the_programme_says_and_any_order_closes(
    opened: OpenShop, split: str, first: tuple[int, str, int]
) -> None:
    shop = await opened(**L, refundSplit=split)
    await paid_with_points(shop, 600, "80.00", TWO_LINES)
    part = await shop.take_back("r-1", "o-1", {"id": "2"})
    assert (told(part), part["orderReturned"], part["value"]["amount"]) == (first, "PART", "32.00")
    rest = await shop.take_back("r-2", "o-1", {"id": "1"})
    assert rest["orderReturned"] == "ALL"
    points, money, reversed_ = told(rest)
    assert (points + first[0], float(money) + float(first[1]), reversed_ + first[2]) == (600, 50.0, 60)
    assert (await shop.balance())["spendable"] == 600


async def test_e26_what_is_returned_one_by_one_reverses_what_the_whole_had_earned(opened: OpenShop) -> None:
    shop = await opened(revenuePerPoint="2.00")
    await shop.join()
    lines = [{"id": "1", "articleId": "pin", "quantity": 3, "amount": "3.00"}]
    assert (await shop.order("o-1", "3.00", lines=lines))["points"] == 2
    answers = [await shop.take_back(f"r-{n}", "o-1", {"id": "1", "quantity": 1}) for n in range(3)]
    assert [answer["pointsReversed"] for answer in answers] == [1, 0, 1]


async def spent(shop: Shop, *, others: int = 0) -> None:
    """An order earned 100 points, all of which are spent by now; ``others`` points the member has besides."""
    await shop.join()
    await shop.order("o-1", "100.00")
    held = await shop.redeem(100, "5.00")
    await shop.order("o-2", "5.00", voucherCode=held["voucherCode"])
    if others:
        await give_points(shop.installation, shop.programme, "c-1", others, now=shop.clock())


async def test_e27_points_that_are_spent_become_a_debt_that_later_points_pay(opened: OpenShop) -> None:
    shop = await opened()
    await spent(shop)
    answer = await shop.take_back("r-1", "o-1")
    assert (answer["pointsReversed"], answer["debt"]) == (100, 100)
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (0, 100)
    await shop.order("o-3", "150.00")
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (50, 0)


@pytest.mark.parametrize(
    ("clawback", "left", "debt", "forgiven"),
    [("ALLOW_NEGATIVE", 0, 70, 0), ("WITHIN_BALANCE", 0, 0, 70), ("ONLY_PENDING", 30, 0, 100)],
)
async def test_e42_how_far_points_are_taken_back_is_the_programmes_choice(
    opened: OpenShop, clawback: str, left: int, debt: int, forgiven: int
) -> None:
    shop = await opened(clawback=clawback)
    await spent(shop, others=30)
    answer = await shop.take_back("r-1", "o-1")
    assert (answer["debt"], answer["forgiven"]) == (debt, forgiven)
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (left, debt)


@pytest.mark.parametrize(("grace", "usable"), [(30, 200), (0, 0)])
async def test_e28_points_whose_lot_has_ended_come_back_for_a_time_of_grace(
    opened: OpenShop, grace: int, usable: int
) -> None:
    shop = await opened("2026-05-20 10:00", giveBackGraceDays=grace)
    await shop.join()
    ended = at("2026-05-31 22:00")
    await give_points(shop.installation, shop.programme, "c-1", 200, expires_at=ended, now=shop.clock())
    held = await shop.redeem(200, "10.00")
    await shop.order("o-1", "10.00", voucherCode=held["voucherCode"])
    shop.clock.now = at("2026-06-10 10:00")
    assert (await shop.take_back("r-1", "o-1"))["pointsGivenBack"] == 200
    days = {}
    for instant in ("2026-06-10 10:01", "2026-07-10 21:59", "2026-07-10 22:00"):
        shop.clock.now = at(instant)
        days[instant] = (await shop.balance())["spendable"]
    assert list(days.values()) == [usable, usable, 0]


async def test_e29_a_document_has_its_effect_once_however_often_it_comes(opened: OpenShop) -> None:
    shop = await opened(**L)
    await paid_with_points(shop, 600, "80.00", TWO_LINES)
    answers = await asyncio.gather(*(shop.take_back("r-1", "o-1", {"id": "2"}) for _ in range(8)))
    assert {told(answer) for answer in answers} == {(240, "20.00", 20)}
    assert sorted(answer["replayed"] for answer in answers) == [False, *[True] * 7]
    other = await shop.take_back("r-1", "o-1", {"id": "1"})
    assert other["code"] == "RETURN_CONFLICT"
    assert (await shop.balance())["spendable"] == 240 + 60 - 20


async def test_e29_a_return_that_comes_before_its_order_waits_for_it(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    lines = [{"id": "1", "articleId": "cup", "quantity": 2, "amount": "20.00"}]
    waits = await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1})
    assert (waits["outcome"], waits["money"], waits["pointsReversed"]) == ("PARKED", None, 0)
    assert (await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1}))["replayed"] is True
    assert (await shop.order("o-1", "20.00", lines=lines))["points"] == 20
    assert (await shop.balance())["spendable"] == 10
    again = await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1})
    assert (again["outcome"], told(again), again["replayed"]) == ("APPLIED", (0, "10.00", 10), True)


async def test_what_came_back_before_the_customer_joined_does_not_earn(opened: OpenShop) -> None:
    shop = await opened(releaseParkedOnJoin=True)
    lines = [{"id": "1", "articleId": "cup", "quantity": 2, "amount": "20.00"}]
    assert (await shop.order("o-1", "20.00", lines=lines))["outcome"] == "PARKED"
    back = await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1})
    assert (back["outcome"], told(back)) == ("APPLIED", (0, "10.00", 0))
    await shop.join()
    assert (await shop.balance())["spendable"] == 10
    assert (await shop.take_back("r-2", "o-1"))["pointsReversed"] == 10


async def test_points_that_paid_the_order_of_a_stranger_are_given_back(opened: OpenShop) -> None:
    # a member's code on the order of a guest: it is parked, and what points paid of it comes back all the same
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    held = await shop.redeem(600, "80.00")
    guest = {"customer": {"externalId": "guest"}, "voucherCode": held["voucherCode"]}
    assert (await shop.order("o-1", "80.00", **guest))["outcome"] == "PARKED"
    assert told(await shop.take_back("c-1", "o-1", kind="CANCELLATION")) == (600, "50.00", 0)
    assert (await shop.balance())["spendable"] == 600


async def test_documents_that_waited_are_applied_as_they_came_and_refused_with_the_reason_kept(
    opened: OpenShop,
) -> None:
    shop = await opened()
    await shop.join()
    installation = shop.installation
    lines = [{"id": "1", "articleId": "cup", "quantity": 2, "amount": "20.00"}]
    for name, line in (("z-1", {"id": "1", "quantity": 1}), ("y-2", {"id": "9"}), ("x-3", {"id": "1"})):
        assert (await shop.take_back(name, "o-1", line))["outcome"] == "PARKED"
        shop.clock.now += timedelta(seconds=1)
    assert (await shop.order("o-1", "20.00", lines=lines))["points"] == 20
    first, last = [
        (await shop.take_back(name, "o-1", line))
        for name, line in (("z-1", {"id": "1", "quantity": 1}), ("x-3", {"id": "1"}))
    ]
    assert (told(first), told(last)) == ((0, "10.00", 10), (0, "10.00", 10))
    async with installation.db.bare_transaction(shop.programme.id) as connection:
        refusal = await connection.fetchval("select refusal from return_document where state = 'REFUSED'")
    assert "9 is not the id of a line" in refusal
    assert await apply_all_parked(installation.db, installation.programmes, now=shop.clock()) == 0
    corrected = await shop.take_back("y-2", "o-1", {"id": "1"})
    assert (corrected["outcome"], corrected["replayed"]) == ("APPLIED", False)


async def test_what_the_worker_finds_waiting_is_applied_once(opened: OpenShop) -> None:
    # the order came by an import, which does not look for documents that wait
    shop = await opened()
    await shop.join()
    assert (await shop.take_back("r-1", "o-1"))["outcome"] == "PARKED"
    with mock.patch.object(intake, "apply_parked"):
        assert (await shop.order("o-1", "20.00"))["points"] == 20
    assert (await shop.balance())["spendable"] == 20
    installation = shop.installation
    for applied in (1, 0):
        looked_at = await apply_all_parked(installation.db, installation.programmes, now=shop.clock())
        assert looked_at == applied
        assert (await shop.balance())["spendable"] == 0


async def test_a_correction_that_comes_while_the_worker_reads_is_what_is_applied(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    lines = [{"id": "1", "articleId": "cup", "quantity": 2, "amount": "20.00"}]
    assert (await shop.take_back("r-1", "o-1", {"id": "1"}))["outcome"] == "PARKED"
    with mock.patch.object(intake, "apply_parked"):
        await shop.order("o-1", "20.00", lines=lines)
    find = returns.find

    async def find_then_corrected(*asked: Any) -> returns.ReturnRow | None:
        row = await find(*asked)
        # the correction began before the order was there, so it only waits
        with mock.patch.multiple(returns, find=find, order=mock.AsyncMock(return_value=None)):
            correction = await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1})
        assert correction["outcome"] == "PARKED"
        returns.find = find
        return row

    installation = shop.installation
    with mock.patch.object(returns, "find", find_then_corrected):
        await apply_all_parked(installation.db, installation.programmes, now=shop.clock())
    assert (await shop.balance())["spendable"] == 10


async def test_a_voucher_is_not_captured_for_an_order_that_came_back(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    held = await shop.redeem(600, "80.00")
    assert (await shop.order("o-1", "80.00", status="NEW"))["outcome"] == "RECEIVED"
    assert told(await shop.take_back("c-1", "o-1", kind="CANCELLATION")) == (0, "80.00", 0)
    refused = await shop.capture(held["voucherCode"], order="o-1")
    assert refused["code"] == "ORDER_CONFLICT"
    assert (await shop.balance())["held"] == 600


async def test_a_programme_does_not_close_while_a_return_gives_points_back(opened: OpenShop) -> None:
    shop = await opened(earnsFromRevenue=False)
    await paid_with_points(shop, 600, "80.00", TWO_LINES)
    installation, programme_id = shop.installation, shop.programme.id
    await change_state(installation, programme_id, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    shop.clock.now += timedelta(minutes=1)
    closing: list[asyncio.Task[object]] = []

    async def meanwhile(*arguments: Any, **named: Any) -> Any:
        close = change_state(installation, programme_id, ProgrammeState.CLOSED, now=shop.clock())
        closing.append(asyncio.create_task(close))
        await asyncio.wait(closing, timeout=0.5)
        return await return_order(*arguments, **named)

    return_order = ledger.return_order
    with mock.patch.object(ledger, "return_order", meanwhile):
        assert told(await shop.take_back("r-1", "o-1")) == (600, "50.00", 0)
    with pytest.raises(InvalidInput, match="600 points are still outstanding"):
        await closing[0]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"id": "2", "quantity": 3}, "RETURN_EXCEEDS_ORDER"),
        ({"id": "2", "amount": "32.01"}, "RETURN_EXCEEDS_ORDER"),
        ({"id": "3"}, "INVALID_INPUT"),
        ({"id": "2", "quantity": "-1"}, "INVALID_INPUT"),
        ({"id": "2", "quantity": "0"}, "INVALID_INPUT"),
    ],
)
async def test_e29_more_than_was_ordered_is_refused_and_changes_nothing(
    opened: OpenShop, line: dict[str, Any], code: str
) -> None:
    shop = await opened(**L)
    await paid_with_points(shop, 600, "80.00", TWO_LINES)
    assert (await shop.take_back("r-1", "o-1", line))["code"] == code
    assert (await shop.balance())["spendable"] == 60
    assert told(await shop.take_back("r-1", "o-1")) == (600, "50.00", 60), "the id is still free"


async def test_e30_a_return_reverses_by_the_rules_that_the_order_was_judged_by(opened: OpenShop) -> None:
    shop = await opened(earnsFromRevenue=False)
    await shop.join()
    installation, programme_id = shop.installation, shop.programme.id
    pizza = {"kind": "ARTICLE", "name": "pizza", "points": 5, "targets": ["pizza"]}
    made = await create_rule(installation, programme_id, pizza, now=shop.clock())
    shop.clock.now = made.newest.effective_from
    lines = [{"id": "1", "articleId": "pizza", "quantity": 2, "amount": "20.00"}]
    assert (await shop.order("o-1", "20.00", lines=lines))["points"] == 10
    doubled = {**pizza, "points": 10}
    changed = await edit_rule(installation, programme_id, made.key, 1, doubled, now=shop.clock())
    shop.clock.now = changed.newest.effective_from
    assert (await shop.order("o-2", "20.00", lines=lines))["points"] == 20
    assert (await shop.take_back("r-1", "o-1", {"id": "1", "quantity": 1}))["pointsReversed"] == 5
    assert (await shop.take_back("r-2", "o-1"))["pointsReversed"] == 5


async def test_e43_odd_cents_wait_for_the_document_that_makes_a_point_of_them(opened: OpenShop) -> None:
    shop = await opened(**L)
    lines = [
        {"id": str(n), "articleId": "pin", "quantity": 1, "amount": amount}
        for n, amount in enumerate(("3.33", "3.33", "3.34"))
    ]
    assert (await paid_with_points(shop, 100, "10.00", lines))["points"] == 15
    answers = [await shop.take_back(f"r-{n}", "o-1", {"id": str(n)}) for n in range(3)]
    assert [told(answer) for answer in answers] == [(33, "1.67", 2), (33, "1.66", 1), (34, "1.67", 12)]


async def test_an_order_cancelled_before_it_earned_gives_back_what_it_took_and_earns_nothing(
    opened: OpenShop,
) -> None:
    shop = await opened(**L)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    held = await shop.redeem(600, "80.00")
    early = {"lines": TWO_LINES, "voucherCode": held["voucherCode"]}
    assert (await shop.order("o-1", "80.00", status="NEW", **early))["outcome"] == "RECEIVED"
    answer = await shop.take_back("c-1", "o-1", kind="CANCELLATION")
    assert (told(answer), answer["orderReturned"]) == ((600, "50.00", 0), "CANCELLED")
    assert (await shop.order("o-1", "80.00", **early))["points"] == 0
    assert (await shop.balance())["spendable"] == 600


async def test_what_came_back_before_an_order_earns_does_not_earn(opened: OpenShop) -> None:
    shop = await opened(**L)
    await shop.join()
    assert (await shop.order("o-1", "80.00", status="NEW", lines=TWO_LINES))["outcome"] == "RECEIVED"
    await shop.take_back("r-1", "o-1", {"id": "2"})
    assert (await shop.order("o-1", "80.00", lines=TWO_LINES))["points"] == 48 + 10
    other = [{**TWO_LINES[0], "amount": "47.00"}, TWO_LINES[1]]
    assert (await shop.order("o-1", "79.00", lines=other))["code"] == "ORDER_CONFLICT"
    assert (await shop.take_back("r-2", "o-1"))["pointsReversed"] == 58


async def test_r23_a_programme_maps_types_to_what_they_reverse(opened: OpenShop) -> None:
    shop = await opened(**L, typeEffects={"WARRANTY": "NOTHING", "REPAIR": "EARNING", "CREDIT_NOTE": "REDEMPTION"})
    await paid_with_points(shop, 600, "80.00", TWO_LINES)
    cup = {"id": "2", "quantity": 1}
    pot = {"id": "1", "amount": "8.00"}
    assert told(await shop.take_back("w-1", "o-1", pot, kind="WARRANTY")) == (0, "", 0)
    assert told(await shop.take_back("p-1", "o-1", cup, kind="REPAIR"))[:2] == (0, "")
    given = await shop.take_back("n-1", "o-1", cup, kind="CREDIT_NOTE")
    assert (given["pointsGivenBack"], given["pointsReversed"]) == (120, 0)
