"""What the database itself refuses: strangers, writers, changes of the past, wrong clocks, second effects."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from pointbook import ledger
from pointbook.db.session import Connection, Database
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, lot, minutes
from tests.ledger.till import Till

TABLES = [
    "programme",
    "account",
    "entry",
    "transfer",
    "lot",
    "hold",
    "idempotency",
    "card",
    "card_entry",
    "card_hold",
]

_FILLED = {"entry": 3, "transfer": 3, "idempotency": 3, "card_entry": 2}
"""How many rows ``fill`` makes, where it is not one."""


@pytest_asyncio.fixture
async def owner(owner_database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The role that owns the tables."""
    connection = await asyncpg.connect(owner_database_url)
    yield connection
    await connection.close()


async def fill(desk: Desk) -> ledger.Hold:
    """Rows in every table."""
    await desk.earn(lot(100))
    till = Till(desk)
    await till.hold(await till.buy(points=10), 100)
    return await desk.hold(40)


async def seen(connection: Connection, table: str, programme_id: int | None) -> int:
    async with connection.transaction():
        if programme_id is not None:
            await connection.execute("select set_config('app.programme', $1, true)", str(programme_id))
        count: int = await connection.fetchval(f"select count(*) from ledger.{table}")
        return count


@pytest.mark.parametrize("table", TABLES)
async def test_a_programme_sees_its_own_rows_only(
    desk: Desk, owner: "asyncpg.Connection[asyncpg.Record]", table: str
) -> None:
    await fill(desk)
    for connection in (desk.connection, owner):
        found = [await seen(connection, table, programme) for programme in (1, 2, None)]
        assert found == [_FILLED.get(table, 1), 0, 0]


async def test_the_view_of_violations_shows_its_own_programme_only(
    desk: Desk, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await admin.execute("update ledger.account set last_seq = 7")
    assert await seen(desk.connection, "violations", 1) == 1
    assert await seen(desk.connection, "violations", 2) == 0
    await admin.execute("update ledger.account set last_seq = 0")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "insert into ledger.{} default values",
        "update ledger.{} set programme_id = 2",
        "delete from ledger.{}",
        "truncate ledger.{}",
    ],
)
async def test_the_application_writes_no_table(desk: Desk, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.connection.execute(statement.format(table))


async def test_the_application_may_call_what_is_granted_and_no_helper(
    desk: Desk, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Every granted function enters through the guard, as the owner, with a pinned path and plans it keeps."""
    functions = await admin.fetch(
        """
        select
            proname, prosecdef, proconfig, prosrc, has_function_privilege('pointbook_app', oid, 'execute') as may,
            has_function_privilege('public', oid, 'execute') as anybody
        from pg_proc where pronamespace = 'ledger'::regnamespace
        """
    )
    assert not [row["proname"] for row in functions if row["anybody"]]
    granted = {row["proname"]: row for row in functions if row["may"]}
    assert len(granted) == 43
    assert {name for name, row in granted.items() if not row["prosecdef"]} == set()
    assert {
        name for name, row in granted.items() if "search_path=ledger, pg_temp" not in row["proconfig"]
    } == set()
    entrances = (
        *("ledger.guard(", "ledger.enter(", "ledger.enter_by_hold(", "ledger.read_account("),
        "ledger.begin_on_card(",
    )
    unguarded = {name for name, row in granted.items() if not any(way in row["prosrc"] for way in entrances)}
    assert unguarded == set()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk.connection.execute("select ledger.book_due(1, '{1}', now())")


@pytest.mark.parametrize("table", ["entry", "transfer", "card_entry"])
@pytest.mark.parametrize(
    "statement", ["update ledger.{} set seq = 9", "delete from ledger.{}", "truncate ledger.{}"]
)
async def test_the_owner_changes_no_entry(
    desk: Desk, owner: "asyncpg.Connection[asyncpg.Record]", table: str, statement: str
) -> None:
    await fill(desk)
    with pytest.raises(asyncpg.RestrictViolationError, match="immutable"):
        await as_owner(owner, statement.format(table))


async def test_the_owner_changes_no_ended_hold(desk: Desk, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    hold = await fill(desk)
    await desk.release(hold, now=minutes(1))
    for statement in (
        "update ledger.hold set state = 'held', ended_at = null, end_seq = null",
        "delete from ledger.hold",
        "truncate ledger.hold",
    ):
        with pytest.raises(asyncpg.RestrictViolationError, match="immutable"):
            await as_owner(owner, statement)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update ledger.lot set open = -1", "lot_open_check"),
        ("update ledger.lot set held = -1", "lot_held_check"),
        ("update ledger.lot set open = 1000", "lot_total_check"),
        ("update ledger.account set debt = -1", "account_debt_check"),
        ("update ledger.card set open = open - 1", "card_balance_check"),
        ("update ledger.card set open = -1, used = face - held + 1", "card_figures_check"),
        ("update ledger.card set used = face - held, open = 0, void = 1, expired = -1", "card_figures_check"),
        (
            "insert into ledger.transfer values (1, 1, 1, 9, 'open', 'held', 1, 0)",
            "transfer_points_check",
        ),
        (
            "insert into ledger.transfer values (1, 1, 1, 9, 'open', 'open', 1, 5)",
            "transfer_pair_check",
        ),
        (
            """
            insert into ledger.entry (programme_id, account_id, seq, kind, at, source_type, source_id, occurrence)
            select programme_id, account_id, 9, kind, at, source_type, source_id, occurrence
            from ledger.entry where kind = 'accrual'
            """,
            "entry_source_key",
        ),
    ],
)
async def test_the_database_refuses_what_cannot_be(
    desk: Desk, owner: "asyncpg.Connection[asyncpg.Record]", statement: str, constraint: str
) -> None:
    await fill(desk)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await as_owner(owner, statement)
    assert refused.value.constraint_name == constraint


async def test_a_row_of_another_programme_cannot_be_written(
    desk: Desk, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(desk)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await as_owner(owner, "insert into ledger.programme values (2, false)")


async def as_owner(owner: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    async with owner.transaction():
        await owner.execute("select set_config('app.programme', '1', true)")
        await owner.execute(statement)


async def test_accounts_and_holds_of_another_programme_are_not_there(desk: Desk, db: Database) -> None:
    hold = await fill(desk)
    async with db.pool.acquire() as connection:
        other = await Desk.open(connection, 2)
        stranger = Desk(connection, 2, desk.account_id)
        with pytest.raises(errors.NotAMember):
            await stranger.hold(10)
        with pytest.raises(errors.NotAMember):
            await stranger.balance()
        with pytest.raises(errors.RedemptionNotFound):
            await other.capture(hold, now=NOON)
        with pytest.raises(errors.RedemptionNotFound):
            await other.release(hold, now=NOON, by_server=True)
        assert await ledger.hold_of_code(connection, 2, hold.code_hash, now=NOON) is None
        assert (await stranger.earn(lot(5))).status == "no_account"
        await other.assert_sound()
    assert (await desk.balance()).held == 40


async def test_a_second_programme_in_a_transaction_is_a_defect(desk: Desk) -> None:
    with pytest.raises(asyncpg.RaiseError, match="programme 2 inside a transaction of programme 1"):
        async with desk.connection.transaction():
            await desk.available()
            await ledger.balance(desk.connection, 2, desk.account_id, now=NOON)


async def test_a_clock_ahead_writes_nothing_outside_a_sandbox(db: Database) -> None:
    """One call with a wrong clock would otherwise expire points for good."""
    now = datetime.now(UTC)
    ahead = now + timedelta(seconds=60)
    async with db.pool.acquire() as connection:
        await ledger.open_programme(connection, 3, sandbox=False)
        account_id = await ledger.open_account(connection, 3, uuid4(), now=now)
        desk = Desk(connection, 3, account_id)
        await desk.earn(lot(100, now=now, expires=now + timedelta(seconds=30)), now=now)
        hold = await desk.hold(10, now=now)
        plus = lot(5, now=ahead)
        for call in (
            desk.earn(plus, now=ahead),
            desk.hold(10, now=ahead),
            desk.extend(hold, now=ahead),
            desk.release(hold, now=ahead),
            desk.capture(hold, now=ahead),
            desk.adjust(5, plus=plus, now=ahead),
            desk.sweep(ahead),
            ledger.open_account(connection, 3, uuid4(), now=ahead),
            ledger.restrict(connection, 3, account_id, may_earn=True, may_spend=True, now=ahead),
        ):
            with pytest.raises(errors.ClockAhead):
                await call
        assert (await desk.balance(now)).available == 90
        assert (await desk.hold(20, cart="other", now=now + timedelta(seconds=2))).points == 20
        await desk.assert_sound()


async def test_a_clock_that_was_set_back_does_not_turn_time_back(desk: Desk) -> None:
    """I5: instants never go back; what is written is lifted to the account's newest instant."""
    await desk.earn(lot(100), now=minutes(5))
    hold = await desk.hold(40, now=minutes(3))
    assert hold.created_at == minutes(5)
    await desk.earn(lot(10, now=minutes(1), expires=minutes(4)), now=minutes(1))
    assert (await desk.story(minutes(5)))[2:] == [
        ("ACCRUAL", minutes(5), 10, 0),
        ("EXPIRY", minutes(5), -10, 0),
    ]
