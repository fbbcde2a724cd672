"""R34, I10: who leaves forfeits everything, owes nothing, and is reached by nothing any more."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, at, lot, minutes, request
from tests.ledger.mutants import Mutation, spoiled
from tests.ledger.racing import Arena, Call, arena, race, tally
from tests.ledger.till import Till

ROUNDS = 12


async def forfeit(desk: Desk, *, key: str | None = None, minute: float = 0) -> ledger.Forfeited:
    return await ledger.forfeit(
        desk.connection, desk.programme_id, desk.account_id, request=request("leave", key), now=minutes(minute)
    )


async def totals(desk: Desk) -> Counter[str]:
    """What the programme's ledger accounts have given out less what they got back."""
    rows = await desk.read("select debit, credit, points from ledger.transfer")
    found = Counter[str]()
    for row in rows:
        found[row["debit"]] += row["points"]
        found[row["credit"]] -= row["points"]
    own = {"open", "held", "debt"}
    return Counter({name: points for name, points in found.items() if name not in own and points})


async def test_e32_open_pending_and_held_points_are_forfeited_and_no_other_total_changes(desk: Desk) -> None:
    await desk.earn(lot(320), lot(50, available=minutes(60)))
    await desk.earn(lot(5, expires=minutes(5)))
    bought = await desk.hold(30, cart="bought", now=minutes(10))
    await desk.capture(bought, now=minutes(10))
    await desk.earn(lot(30), now=minutes(10))
    hold = await desk.hold(20, now=minutes(10))
    before = await totals(desk)
    lost = await forfeit(desk, minute=12)
    assert (lost.points, lost.debt, lost.released) == (370, 0, 1)
    after = await totals(desk)
    assert after - before == Counter()
    assert before - after == Counter({"forfeited": 370})
    assert [(kind, points, held) for kind, _, points, held in (await desk.story(minutes(12)))[-2:]] == [
        ("RELEASE", 0, -20),
        ("FORFEIT", -370, 0),
    ]
    balance = await desk.balance(minutes(90))
    assert (balance.available, balance.pending, balance.held, balance.debt) == (0, 0, 0, 0)
    with pytest.raises(errors.NotAMember):
        await desk.capture(hold, now=minutes(13))


async def test_points_of_a_hold_whose_lot_has_expired_are_forfeited_and_not_expired(desk: Desk) -> None:
    await desk.earn(lot(40, expires=minutes(10)))
    await desk.hold(25)
    lost = await forfeit(desk, minute=12)
    assert lost.points == 25
    assert (await totals(desk)) == Counter({"issued": 40, "expired": -15, "forfeited": -25})


async def test_a_debt_is_written_off_against_what_is_forfeited(desk: Desk) -> None:
    await desk.earn(lot(10), lot(50, available=minutes(60)))
    await desk.adjust(-30, allow_negative=True)
    lost = await forfeit(desk)
    assert (lost.points, lost.debt) == (50, 20)
    assert (await totals(desk)) == Counter({"issued": 60, "adjusted": -30, "forfeited": -30})


async def test_who_has_nothing_leaves_without_an_entry(desk: Desk) -> None:
    assert (await forfeit(desk)).seq is None
    assert await desk.history(NOON) == []
    with pytest.raises(errors.NotAMember):
        await desk.adjust(5, plus=lot(5))


async def test_the_same_request_again_has_its_first_answer_and_another_one_finds_nobody(desk: Desk) -> None:
    await desk.earn(lot(10))
    first = await forfeit(desk, key="k")
    assert await forfeit(desk, key="k", minute=5) == first
    asked = ledger.Request.of("tester", "leave", "k")
    assert await ledger.forfeited_by(desk.connection, desk.programme_id, asked) == first
    other = ledger.Request(asked.digest, b"another input")
    with pytest.raises(errors.IdempotencyConflict):
        await ledger.forfeited_by(desk.connection, desk.programme_id, other)
    unseen = ledger.Request.of("tester", "leave", "other")
    assert await ledger.forfeited_by(desk.connection, desk.programme_id, unseen) is None
    with pytest.raises(errors.NotAMember):
        await forfeit(desk, key="other")


async def test_a_servers_capture_and_release_are_answered_as_before(desk: Desk) -> None:
    """I8: they name a hold, not the account; what was not asked before is refused."""
    await desk.earn(lot(100))
    bought, left_over = await desk.hold(10), await desk.hold(10, cart="other")

    async def ended(key: str) -> list[ledger.Hold]:
        return [
            await desk.capture(bought, key=key, now=NOON),
            await desk.release(left_over, by_server=True, key=key, now=NOON),
        ]

    first = await ended("k")
    await forfeit(desk)
    assert await ended("k") == first
    with pytest.raises(errors.NotAMember):
        await ended("new")


async def test_no_write_reaches_who_left(desk: Desk) -> None:
    await desk.earn(lot(100), source="earlier")
    captured = await desk.capture(await desk.hold(30, cart="bought"), now=NOON)
    spent = await desk.spend(10)
    till = Till(desk)
    card = await till.buy(points=10)
    hold = await desk.hold(20)
    await forfeit(desk)
    before = await desk.read("select * from ledger.transfer order by seq, line")
    assert (await desk.earn(lot(5))).status == "no_account"
    assert (await desk.earn(lot(5), source="earlier")).status == "duplicate"
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: desk.hold(1),
        lambda: desk.spend(1),
        lambda: desk.adjust(5, plus=lot(5)),
        lambda: desk.adjust(-5, allow_negative=True),
        lambda: desk.extend(hold, now=NOON),
        lambda: desk.release(hold, now=NOON),
        lambda: desk.capture(hold, now=NOON),
        lambda: desk.capture_late(hold, now=NOON),
        lambda: desk.give_back(captured, 10, now=NOON),
        lambda: desk.reverse("earlier", 10, now=NOON),
        lambda: desk.unspend(spent, now=NOON),
        lambda: till.void(card),
        lambda: desk.restrict(may_earn=True, may_spend=True),
    ]
    for call in calls:
        with pytest.raises(errors.NotAMember):
            await call()
    assert await desk.read("select * from ledger.transfer order by seq, line") == before
    await till.use(card, 100)  # an issued card stays good


async def test_who_was_merged_leaves_with_the_account_that_goes_on(desk: Desk) -> None:
    target = await desk.second_account()
    await desk.earn(lot(30))
    await target.earn(lot(100))
    hold = await desk.hold(10)
    await ledger.merge(
        desk.connection,
        desk.programme_id,
        target.account_id,
        desk.account_id,
        single_bonus=None,
        for_=ledger.Source("merge", str(uuid4())),
        now=NOON,
    )
    lost = await forfeit(desk)  # by its former name
    assert (lost.account_id, lost.points, lost.released) == (target.account_id, 130, 1)
    for account in (desk, target):
        with pytest.raises(errors.NotAMember):
            await account.capture(hold, now=NOON)


@pytest_asyncio.fixture
async def scene(database_url: str, emptied: None) -> AsyncIterator[Arena]:  # noqa: ARG001  # for its end
    async with arena(database_url, 4711, at("2026-03-01T12:00")) as opened:
        yield opened


def leave(scene: Arena, account_id: int, key: str | None = None) -> Call:
    asked = ledger.Request.of("racer", "leave", key or str(uuid4()))

    async def call(connection: asyncpg.Connection) -> object:
        return await ledger.forfeit(connection, scene.programme_id, account_id, request=asked, now=scene.now)

    return call


def earn(scene: Arena, account_id: int) -> Call:
    async def call(connection: asyncpg.Connection) -> object:
        [accrued] = await ledger.accrue(
            connection, scene.programme_id, [scene.accrual(account_id, 10)], now=scene.now
        )
        if accrued.status != "ok":
            raise errors.NotAMember
        return accrued

    return call


def adjust(scene: Arena, account_id: int) -> Call:
    return partial(
        ledger.adjust,
        programme_id=scene.programme_id,
        account_id=account_id,
        points=-150,
        allow_negative=True,
        request=ledger.Request.of("racer", "adjust", str(uuid4())),
        now=scene.now,
    )


@pytest.mark.parametrize("other", ["redeem", "capture", "lapse", "order", "adjust", "return", "spend"])
async def test_leaving_and_anything_else_at_once_are_one_after_the_other(scene: Arena, other: str) -> None:
    """Whatever comes first has its effect whole; nothing is left to who left."""
    for number in range(ROUNDS):
        account_id = await scene.account(100)
        async with scene.pool.acquire() as connection:
            bought = await scene.hold(connection, account_id, 30, "bought")
            await scene.capture(connection, bought.hold_id)
            hold = await scene.hold(connection, account_id, 20, "cart")
        calls: dict[str, Call] = {
            "redeem": partial(scene.hold, account_id=account_id, points=15, cart="another"),
            "capture": partial(scene.capture, hold_id=hold.hold_id),
            "lapse": partial(scene.sweep, now=scene.now + timedelta(minutes=15)),
            "order": earn(scene, account_id),
            "adjust": adjust(scene, account_id),
            "return": partial(scene.give_back, hold_id=bought.hold_id, points=10),
            "spend": partial(
                ledger.spend,
                programme_id=scene.programme_id,
                account_id=account_id,
                points=5,
                source=ledger.Source("test", f"{number}"),
                request=ledger.Request.of("racer", "spend", str(uuid4())),
                now=scene.now,
            ),
        }
        answers = await race(scene.pool, [leave(scene, account_id), calls[other]])
        lost, answer = answers
        assert isinstance(lost, ledger.Forfeited), lost
        assert set(tally([answer])) <= {"ok", "NotAMember"}, answer
        gone = 70
        if not isinstance(answer, errors.NotAMember):
            gone += {"capture": -20, "order": 10, "adjust": -150, "return": 10, "spend": -5}.get(other, 0)
        assert lost.points - lost.debt == gone
        balance = await scene.balance(account_id)
        assert (balance.available, balance.pending, balance.held, balance.debt) == (0, 0, 0, 0)
    assert await scene.violations() == []


async def test_fifty_who_leave_with_one_key_leave_once_and_with_others_find_nobody(scene: Arena) -> None:
    account_id = await scene.account(100)
    answers = await race(scene.pool, [leave(scene, account_id, "the one key")] * 50)
    assert tally(answers) == {"ok": 50}
    assert len(set(answers)) == 1
    account_id = await scene.account(100)
    answers = await race(scene.pool, [leave(scene, account_id) for _ in range(8)])
    assert tally(answers) == {"ok": 1, "NotAMember": 7}
    assert await scene.violations() == []


async def test_control_without_the_lock_leaving_goes_wrong(scene: Arena, owner_database_url: str) -> None:
    """Proves that the races can fail."""
    no_lock = Mutation("no lock on the account", ((r"for\s+no\s+key\s+update(\s+skip\s+locked)?", ""),))
    wrong = 0
    async with spoiled(owner_database_url, no_lock):
        for _ in range(ROUNDS):
            account_id = await scene.account(100)
            calls = [leave(scene, account_id), *[earn(scene, account_id) for _ in range(6)]]
            answers = await race(scene.pool, calls)
            wrong += not set(tally(answers)) <= {"ok", "NotAMember"}
        await asyncio.sleep(0)
    assert wrong or await scene.violations() != []
