"""What a customer sees: balance, expiring points, vouchers, history; one statement for the page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services import account, redemption
from pointbook.services.account import ExpiringBatch
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.redemption import Redeem
from pointbook.services.settings_versions import change_settings
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    cart,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    redeem,
    spendable,
)


async def test_a_page_shows_all_that_the_single_questions_answer(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    member = (await join_member(installation, programme)).member
    await give_points(installation, programme, "c-1", 100, 50, expires_at=NOW + 10 * DAY)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    voucher = await redeem(installation, programme, 120)
    page = await account.page(installation, programme.id, "c-1", now=NOW)
    assert page is not None
    assert page.public_id == member.public_id
    assert (page.balance.spendable, page.balance.held, page.balance.value) == (80, 120, 400)
    assert page.vouchers == (voucher,)
    assert [entry.kind for entry in page.history] == ["HOLD", "ACCRUAL", "ACCRUAL", "ACCRUAL"]
    assert page.balance == await account.balance(installation, programme.id, "c-1", now=NOW)
    assert page.expiring == await account.expiring(installation, programme.id, "c-1", now=NOW)
    assert list(page.vouchers) == await account.vouchers(installation, programme.id, "c-1", now=NOW)
    assert list(page.history) == await account.history(installation, programme.id, "c-1", first=20, now=NOW)


async def test_e23_expiring_soon_is_what_ends_within_thirty_local_days(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    ends = datetime(2026, 3, 31, 22, tzinfo=UTC)  # the end of 31 March in Berlin
    await give_points(installation, programme, "c-1", 40, expires_at=ends)
    await give_points(installation, programme, "c-1", 25, expires_at=ends + DAY)
    starts, stops = datetime(2026, 3, 19, 23, tzinfo=UTC), datetime(2026, 3, 25, 23, tzinfo=UTC)
    await give_points(installation, programme, "c-1", 10, available_from=starts, expires_at=stops)
    batches = await account.expiring(installation, programme.id, "c-1", now=NOW)
    assert batches == (ExpiringBatch(10, stops, date(2026, 3, 25)), ExpiringBatch(40, ends, date(2026, 3, 31)))
    wider = await account.expiring(installation, programme.id, "c-1", days=31, now=NOW)
    assert [batch.points for batch in wider or ()] == [10, 40, 25]
    for days in (0, 366):
        with pytest.raises(InvalidInput):
            await account.expiring(installation, programme.id, "c-1", days=days, now=NOW)


async def test_a_balance_can_be_asked_of_the_past_and_the_future(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 100, expires_at=NOW + 10 * DAY)
    later = NOW + DAY
    await give_points(installation, programme, "c-1", 50, now=later)
    days = {}
    for day in (0, 1, 9, 10):
        answer = await account.balance(installation, programme.id, "c-1", as_of=NOW + day * DAY, now=later)
        days[day] = answer and answer.spendable
    assert days == {0: 100, 1: 150, 9: 150, 10: 50}


async def test_r04_a_balance_is_worth_what_the_settings_of_its_instant_say(installation: Installation) -> None:
    current = {"pointValuePolicy": "CURRENT"}
    programme = await make_programme(installation, {**current, "valuePerPoint": "0.02"})
    await member_with_points(installation, programme, 100)
    for day, value in ((1, "0.03"), (3, "0.04")):
        settings = programme.settings_at(NOW).changed({"valuePerPoint": value}, "EUR")
        await change_settings(installation, programme.id, settings, effective_from=NOW + day * DAY, now=NOW)
    values = {}
    for day in (0, 1, 2, 3):
        answer = await account.balance(installation, programme.id, "c-1", as_of=NOW + day * DAY, now=NOW + 2 * DAY)
        values[day] = answer and answer.value
    assert values == {0: 200, 1: 300, 2: 300, 3: 400}


async def test_history_is_read_page_by_page_without_gap_or_repetition(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, *range(1, 8))
    seen: list[int] = []
    before: int | None = None
    while page := await account.history(installation, programme.id, "c-1", first=3, before_seq=before, now=NOW):
        seen += [entry.points for entry in page]
        before = page[-1].seq
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    with pytest.raises(InvalidInput):
        await account.history(installation, programme.id, "c-1", first=101, now=NOW)


async def test_who_has_not_joined_has_no_account(installation: Installation, programme: ProgrammeSnapshot) -> None:
    elsewhere = await make_programme(installation)
    await member_with_points(installation, elsewhere, 100)
    ask: tuple[Callable[..., Awaitable[Any]], ...] = (
        account.page, account.balance, account.expiring, account.vouchers,
    )  # fmt: skip
    for question in ask:
        assert await question(installation, programme.id, "c-1", now=NOW) is None
    assert await account.history(installation, programme.id, "c-1", first=1, now=NOW) is None


async def test_points_are_shown_at_the_value_that_redeeming_would_give_them(installation: Installation) -> None:
    programme = await make_programme(installation, {"pointValuePolicy": "CURRENT", "valuePerPoint": "0.02"})
    await member_with_points(installation, programme, 100)  # worth 0.05 each when earned
    page = await account.page(installation, programme.id, "c-1", now=NOW)
    assert page is not None
    assert page.balance.value == 200
    assert (await redeem(installation, programme, 100)).value.amount == 200


async def test_hot_operations_are_one_statement_each(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ann = await member_with_points(installation, programme, 1_000)
    await spendable(installation, programme)  # programme and account are known by now
    async with _statements(installation) as seen:
        await account.page(installation, programme.id, "c-1", now=NOW)
    assert len(seen) == 1
    async with _statements(installation) as seen:
        voucher = await redemption.redeem(installation, ann, Redeem(cart(), 100, "key"), now=NOW)
    assert len(seen) == 1
    async with _statements(installation) as seen:
        await redemption.extend(installation, ann, voucher.hold_id, "key", now=NOW + MINUTE)
    assert len(seen) == 1


async def test_an_account_that_was_looked_up_too_early_is_found_after_joining(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    assert await account.page(installation, programme.id, "c-1", now=NOW) is None
    await join_member(installation, programme)
    assert await account.page(installation, programme.id, "c-1", now=NOW) is not None


@asynccontextmanager
async def _statements(installation: Installation) -> AsyncIterator[list[str]]:
    """Every statement that leaves for the database meanwhile, BEGIN and COMMIT too.

    Not what the driver asks once a connection, to know the types of an answer.
    """
    seen: list[str] = []

    def note(record: "asyncpg.connection.LoggedQuery") -> None:
        if not any(sign in record.query for sign in ("'jit'", "typeinfo_tree")):
            seen.append(record.query)

    pool = installation.db.pool
    idle = [await pool.acquire() for _ in range(pool.get_idle_size())]
    for connection in idle:
        connection.add_query_logger(note)
        await pool.release(connection)
    yield seen
    for _ in idle:
        connection = await pool.acquire()
        connection.remove_query_logger(note)
        await pool.release(connection)
