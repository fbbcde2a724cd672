"""Every kind of violation is seen when it is there: each is planted by a superuser whom no guard stops."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import resources

import asyncpg
import pytest
import pytest_asyncio

from pointbook import ledger
from pointbook.db.session import Database
from tests.ledger.desk import Desk, lot, minutes, request
from tests.ledger.till import Till

PLANTS = [
    ("entry_without_transfers", "delete from ledger.transfer where seq = (select min(seq) from ledger.entry)"),
    (
        "transfer_of_wrong_kind",
        "update ledger.transfer set credit = 'redeemed' where debit = 'open' and credit = 'held'",
    ),
    ("transfer_of_wrong_kind", "insert into ledger.transfer values (1, 1, 99, 1, 'open', 'held', 1, 5)"),
    ("instant_goes_back", "update ledger.entry set at = at - interval '1 hour' where kind = 'capture'"),
    ("automatic_instant", "update ledger.entry set at = at + interval '1 second' where kind = 'lapse'"),
    ("automatic_instant", "update ledger.entry set at = at + interval '1 second' where kind = 'expiry'"),
    ("automatic_instant", "update ledger.entry set at = at - interval '1 second' where kind = 'expiry'"),
    ("automatic_instant", "update ledger.entry set at = at + interval '1 second' where kind = 'settle'"),
    ("automatic_instant", "update ledger.entry set at = at - interval '1 second' where kind = 'settle'"),
    ("lot_differs", "update ledger.lot set open = open + 1 where open + held < granted"),
    ("lot_differs", "update ledger.lot set granted = granted + 1"),
    ("lot_differs", "update ledger.lot set seq = seq + 1"),
    ("held_differs", "update ledger.lot set held = held + 1, open = open - 1 where open > 0"),
    ("lot_of_another", "update ledger.lot set owner_id = (select max(account_id) from ledger.account)"),
    ("lot_of_another", "delete from ledger.lot where lot_id = (select min(lot_id) from ledger.lot)"),
    ("open_past_expiry", "update ledger.lot set expires_at = available_from + interval '1 second' where open > 0"),
    ("debt_with_available", "update ledger.account set debt = 5 where left_at is null"),
    ("hold_differs", "update ledger.hold set points = points + 1, captured_points = captured_points"),
    ("hold_differs", "delete from ledger.hold where state = 'released'"),
    ("hold_differs", "delete from ledger.entry where kind = 'hold'"),
    (
        "hold_ended_twice",
        """
        insert into ledger.entry (programme_id, account_id, seq, kind, at, hold_id)
        select programme_id, account_id, seq + 99, 'release', at, hold_id from ledger.entry where kind = 'capture'
        """,
    ),
    ("hold_end_differs", "update ledger.hold set end_seq = end_seq + 1 where state = 'captured'"),
    (
        "hold_end_differs",
        "update ledger.hold set ended_at = ended_at - interval '1 second' where state = 'released'",
    ),
    (
        "hold_end_differs",
        "update ledger.hold set state = 'held', ended_at = null, end_seq = null where state = 'lapsed'",
    ),
    ("hold_end_differs", "delete from ledger.entry where kind = 'lapse'"),
    ("hold_not_used_up", "update ledger.hold set captured_points = captured_points - 1 where state = 'captured'"),
    (
        "hold_not_used_up",
        "update ledger.transfer set points = points + 1 where debit = 'held' and credit = 'redeemed'",
    ),
    (
        "hold_outlived",
        "update ledger.hold set expires_at = created_at + interval '1 second' where state = 'captured'",
    ),
    ("hold_outlived", "update ledger.hold set expires_at = created_at + interval '1 second' where state = 'held'"),
    (
        "hold_outlived",
        "update ledger.hold set expires_at = expires_at + interval '1 second' where state = 'lapsed'",
    ),
    (
        "takes_back_another",
        "update ledger.entry set of_seq = (select min(end_seq) from ledger.hold) where kind = 'reversal'",
    ),
    ("takes_back_another", "update ledger.entry set of_seq = 99 where kind = 'give_back'"),
    (
        "takes_back_another",
        """
        update ledger.entry set hold_id = (select hold_id from ledger.hold where state = 'released')
        where kind = 'give_back'
        """,
    ),
    (
        "given_back_beyond_captured",
        "update ledger.transfer set points = points + 15 where debit = 'redeemed' and credit = 'open'",
    ),
    ("given_back_beyond_captured", "update ledger.transfer set lot_id = lot_id + 1 where debit = 'redeemed'"),
    ("reversed_beyond_granted", "update ledger.transfer set points = points + 40 where credit = 'reversed'"),
    (
        "expired_overdrawn",
        "update ledger.transfer set debit = 'expired' where debit = 'open' and credit = 'reversed'",
    ),
    (
        "left_with_points",
        """
        update ledger.account set left_at = as_of, may_earn = false, may_spend = false, debt = 0
        where merged_into is null
        """,
    ),
    (
        "left_with_points",
        """
        update ledger.account
        set left_at = as_of - interval '1 second', may_earn = false, may_spend = false, debt = 0
        where left_at is not null
        """,
    ),
    (
        "forfeited_and_stayed",
        """
        insert into ledger.entry (programme_id, account_id, seq, kind, at)
        select programme_id, account_id, last_seq + 1, 'forfeit', as_of from ledger.account
        where last_seq > 0 and left_at is null
        """,
    ),
    ("late_capture_differs", "update ledger.late_capture set value = value + 1, points = points + 1"),
    ("late_capture_differs", "update ledger.late_capture set debt = 1"),
    ("late_capture_differs", "delete from ledger.late_capture"),
    ("late_capture_differs", "delete from ledger.transfer where credit = 'redeemed' and debit = 'open'"),
    (
        "voucher_bought_twice",
        """
        update ledger.hold set state = 'captured', captured_points = 1, captured_value = 1
        where hold_id in (select hold_id from ledger.late_capture)
        """,
    ),
    (
        "voucher_bought_twice",
        """
        update ledger.entry set of_seq = 1
        where kind = 'give_back' and hold_id in (select hold_id from ledger.late_capture)
        """,
    ),
    ("moved_elsewhere", "update ledger.transfer set points = points + 1 where credit = 'moved'"),
    ("transfer_of_wrong_kind", "update ledger.transfer set credit = 'adjusted' where credit = 'reversed'"),
    ("lot_differs", "update ledger.transfer set debit = 'redeemed' where debit = 'moved'"),
    ("sequence_gap", "update ledger.account set last_seq = last_seq + 1"),
    ("sequence_gap", "delete from ledger.entry where kind = 'extend'"),
    ("instant_differs", "update ledger.account set as_of = as_of + interval '1 second' where last_seq > 0"),
    ("debt_differs", "update ledger.account set debt = debt + 1 where left_at is null"),
    ("no_such_account", "delete from ledger.account where last_seq > 0"),
    (
        "transfer_of_wrong_kind",
        """
        update ledger.entry set kind = 'spend', source_type = 'x', source_id = 'y', occurrence = 1
        where kind = 'expiry' and seq = (select min(seq) from ledger.entry where kind = 'expiry')
        """,
    ),
    ("card_differs", "update ledger.card set open = open - 1, used = used + 1 where open > 0"),
    ("card_differs", "update ledger.card set last_seq = last_seq + 1"),
    ("card_differs", "update ledger.card_entry set amount = amount + 1 where kind = 'issue'"),
    ("card_differs", "update ledger.card_entry set amount = amount + 1 where kind = 'refund'"),
    ("card_differs", "delete from ledger.card_entry where kind = 'expiry'"),
    ("card_entry_of_wrong_kind", "update ledger.card_entry set credit = 'expired' where kind = 'use'"),
    ("card_instant_goes_back", "update ledger.card_entry set at = at - interval '1 hour' where kind = 'refund'"),
    ("card_instant_differs", "update ledger.card set as_of = as_of + interval '1 second'"),
    ("card_not_bought", "update ledger.card set spend_seq = spend_seq + 100"),
    ("card_not_bought", "update ledger.entry set source_id = source_id || 'x' where source_type = 'gift_card'"),
    ("card_missing", "update ledger.entry set source_type = 'gift_card' where source_type = 'exchange_order'"),
    ("card_void_differs", "update ledger.entry set of_seq = of_seq + 1000 where source_type = 'gift_card_void'"),
    ("card_held_differs", "delete from ledger.card_hold where state = 'held'"),
    ("card_hold_differs", "update ledger.card_hold set amount = amount + 1 where state = 'held'"),
    ("card_hold_differs", "update ledger.card_hold set used_amount = used_amount - 1 where state = 'used'"),
    (
        "card_hold_differs",
        "update ledger.card_hold set expires_at = created_at + interval '1 s' where state = 'released'",
    ),
    ("card_hold_differs", "delete from ledger.card_entry where kind = 'lapse'"),
    (
        "card_past_expiry",
        """
        update ledger.card set expires_at = issued_at + interval '1 s', issued_until = issued_at + interval '1 s'
        where open > 0
        """,
    ),
    ("card_refunded_beyond_used", "update ledger.card_entry set source_id = 'other' where kind = 'refund'"),
    ("merge_differs", "update ledger.transfer set points = points + 1 where debit = 'moved' and credit = 'held'"),
    ("merge_differs", "delete from ledger.transfer where debit = 'moved' and credit = 'debt'"),
    ("merge_unfinished", "update ledger.account set merged_into = null where merged_into is not null"),
    ("merge_unfinished", "update ledger.entry set at = at + interval '1 second' where kind = 'merge_in'"),
    ("merge_unfinished", "delete from ledger.entry where kind = 'merge_in'"),
    (
        "merge_unfinished",
        """
        update ledger.account
        set merged_into = (select merged_into from ledger.account where merged_into is not null)
        where last_seq = 0
        """,
    ),
    (
        "merged_and_not_empty",
        """
        update ledger.hold set owner_id = (select account_id from ledger.account where merged_into is not null)
        where state = 'held'
        """,
    ),
    (
        "merged_and_not_empty",
        """
        update ledger.lot set owner_id = account_id
        where account_id = (select account_id from ledger.account where merged_into is not null)
        """,
    ),
    ("merged_and_not_empty", "update ledger.account set debt = 5 where merged_into is not null"),
    ("books_unbalanced", "update ledger.transfer set points = points + 1 where debit = 'issued'"),
]


@pytest_asyncio.fixture
async def eventful(db: Database) -> AsyncIterator[Desk]:
    """A sound account with an entry of every kind and a hold in every state, and an empty one beside it."""
    async with db.pool.acquire() as connection:
        desk = await Desk.open(connection, 1)
        await desk.second_account()
        await desk.earn(lot(100, expires=minutes(60)), lot(200), lot(30, available=minutes(40)))
        hold = await desk.hold(50, cart="captured")
        await desk.extend(hold, now=minutes(1))
        await desk.capture(hold, 100, now=minutes(2))
        await desk.release(await desk.hold(50, cart="released", now=minutes(3)), now=minutes(4))
        await desk.hold(50, cart="lapsed", now=minutes(5))
        await desk.adjust(-240, allow_negative=True, now=minutes(6))
        await desk.earn(lot(40, expires=minutes(70)), now=minutes(50))
        await desk.earn(lot(500), now=minutes(90))
        await desk.hold(50, cart="held", now=minutes(95))
        await desk.earn(lot(1), now=minutes(96))
        await desk.earn(lot(20), lot(30, expires=minutes(98)), source="returned", now=minutes(97))
        spent = await desk.capture(await desk.hold(25, now=minutes(97)), now=minutes(97))
        await desk.return_order(spent, 10, "returned", 10, now=minutes(97))
        await desk.give_back(spent, 12, grace=minutes(200), now=minutes(99))
        await desk.reverse("returned", 25, now=minutes(99))
        late = await desk.hold(15, cart="late", lifetime=timedelta(minutes=1), now=minutes(100))
        await desk.capture_late(late, source="late", now=minutes(105))
        await desk.give_back(late, 15, now=minutes(106))
        await desk.capture_late(late, source="late", purchase=2, now=minutes(107))
        await desk.earn(lot(200), now=minutes(108))
        await desk.unspend(await desk.spend(5, now=minutes(108)), now=minutes(108))
        await desk.spend(5, now=minutes(108))
        await merge_another(desk)
        await leave_another(desk)
        await fill_till(Till(desk))
        yield desk


async def merge_another(desk: Desk) -> None:
    """An account with open and held points and a debt becomes this one's."""
    other = await desk.second_account()
    await other.earn(lot(20), lot(30, available=minutes(300)), now=minutes(107))
    await other.hold(15, now=minutes(107))
    await other.adjust(-10, allow_negative=True, now=minutes(107))
    await desk.merge(other, now=minutes(108))


async def leave_another(desk: Desk) -> None:
    """An account with points and a debt is left."""
    other = await desk.second_account()
    await other.earn(lot(20), lot(30, available=minutes(300)), now=minutes(107))
    await other.adjust(-25, allow_negative=True, now=minutes(107))
    await ledger.forfeit(
        desk.connection, desk.programme_id, other.account_id, request=request("leave"), now=minutes(108)
    )


async def fill_till(till: Till) -> None:
    """A card used and held in every way, one that expired and one that is void."""
    now = minutes(108)
    card = await till.buy(points=10, now=now)
    used, released, _ = [await till.hold(card, 100, lifetime=timedelta(seconds=30), now=now) for _ in range(3)]
    await till.use(card, 60, hold=used, now=now)
    await till.use(card, 300, order="A", now=minutes(108.2))
    await till.release(card, released, now=minutes(108.2))
    await till.refund(card, 200, order="A", now=minutes(109))
    await till.hold(card, 100, now=minutes(109.1))
    await till.void(await till.buy(points=10, now=minutes(109.1)), now=minutes(109.1))
    await till.buy(points=10, expires=minutes(109.2), now=minutes(109.1))
    await till.sweep(minutes(109.2))


async def test_a_sound_ledger_has_no_violation(eventful: Desk) -> None:
    verification = await ledger.verify(eventful.connection, 1)
    kinds = await eventful.read("select distinct kind from ledger.entry")
    assert len(kinds) == len(ledger.EntryKind)
    assert verification == ledger.Verification(accounts=4, entries=verification.entries, cards=3, violations=())
    own = await eventful.read(f"select from ledger.entry where account_id <> {eventful.account_id}")
    assert verification.entries == len(await eventful.history(minutes(109.2))) + len(own)


@pytest.mark.parametrize(("violation", "statement"), PLANTS)
async def test_what_is_planted_is_seen(
    eventful: Desk, admin: "asyncpg.Connection[asyncpg.Record]", violation: str, statement: str
) -> None:
    assert eventful.programme_id == 1
    transaction = admin.transaction()
    await transaction.start()
    try:
        assert await admin.execute(statement) not in {"UPDATE 0", "DELETE 0", "INSERT 0 0"}
        found = await ledger.violations(admin, 1)
    finally:
        await transaction.rollback()
    assert violation in {one.violation for one in found}


async def test_every_kind_of_violation_is_planted_here() -> None:
    files = [
        file for file in (resources.files("pointbook.ledger") / "sql").iterdir() if "violations_of" in file.name
    ]
    quoted = {name for file in files for name in re.findall(r"'([a-z]+(?:_[a-z]+)+)'", file.read_text())}
    kinds = {kind.lower() for kind in ledger.EntryKind} | {"gift_card"}
    assert quoted - kinds == {violation for violation, _ in PLANTS}


async def test_a_programme_without_accounts_proves_nothing(eventful: Desk) -> None:
    assert await ledger.verify(eventful.connection, 2) == ledger.Verification(0, 0, 0, ())
