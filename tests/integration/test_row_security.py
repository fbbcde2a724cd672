"""Programmes do not see each other, whatever a statement forgets to say."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from pointbook.db.base import Base
from pointbook.db.models import ApiKey, Programme, TokenKey, WebhookEndpoint
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.rejoining import rejoin_digest
from pointbook.services.stores import NewStore, add_store
from tests.support import NOW, customer, join_member, make_programme, order_document, redeem

CARD = {"sku": "card-50", "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00"}
MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 10}
DIRECTORY = {table.__tablename__ for table in (Programme, ApiKey, TokenKey, WebhookEndpoint)}
TENANT_TABLES = sorted(set(Base.metadata.tables) - DIRECTORY)


@pytest_asyncio.fixture
async def full(installation: Installation, programme: ProgrammeSnapshot) -> ProgrammeSnapshot:
    """A programme with a row in every table."""
    await add_store(installation, programme.id, NewStore("1", "Mitte"), now=NOW)
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    await redeem(installation, programme, 10)
    await save_offer(installation, programme.id, GIFT_CARDS, CARD, now=NOW)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    exchange = PlaceOrder([PlaceLine("mug", 1, 10)], None, "k")
    await place_order(installation, customer(programme), exchange, now=NOW)
    digest = rejoin_digest(installation, programme.id, "ann@example.com")
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("insert into rejoin_block values ($1, $2, $3)", programme.id, digest, NOW)
        await connection.execute("insert into merge_address values ($1, $2, $3)", programme.id, digest, [NOW])
        await connection.execute(
            "insert into import_run (programme_id, file_digest, kind, started_at) values ($1, $2, 'ORDERS', $3)",
            programme.id,
            digest,
            NOW,
        )
        await connection.execute(
            "insert into earning_rule_version values ($1, 'r-1', 1, 1, 'ACTIVE', $2, 'EUR', '{}', $2, 'somebody')",
            programme.id,
            NOW,
        )
        await connection.execute(
            "insert into rule_count select programme_id, account_id, 'r-1', 'rule', 5 from member"
        )
        await connection.execute(
            "insert into merge_request (programme_id, public_id, account_id, token_digest, requested_at,"
            " expires_at, request, request_input)"
            " select programme_id, gen_random_uuid(), account_id, '', joined_at, joined_at, '', '' from member"
        )
        await connection.execute(
            "insert into adjustment (programme_id, public_id, account_id, seq, at, points, description, made_by,"
            " request, request_input)"
            " select programme_id, gen_random_uuid(), account_id, 1, joined_at, 1, '', '', '', '' from member"
        )
        await connection.execute(
            "insert into audit_entry (programme_id, at, changed_by, action, subject)"
            " values ($1, $2, 'somebody', 'RULE_CREATED', 'rule r-1')",
            programme.id,
            NOW,
        )
        await connection.execute(
            "insert into return_document (programme_id, external_id, order_external_id, type, currency, document,"
            " fingerprint, state, reported_at) values ($1, 'r-1', 'o-1', 'RETURN', 'EUR', '{}', '', 'PARKED', $2)",
            programme.id,
            NOW,
        )
        await connection.execute(
            "insert into staff_warning (programme_id, at, kind, subject, detail)"
            " values ($1, $2, 'LATE_PURCHASE_OWED', 'order o-1', '{}')",
            programme.id,
            NOW,
        )
        await connection.execute(
            "insert into order_occurrence (programme_id, order_external_id, occurrence, state, returned,"
            " redeemed_value, points) select programme_id, external_id, 1, 'EARNED', 'ALL', 0, 0 from sales_order"
        )
        await connection.execute(
            "insert into booking (programme_id, external_id, service_id, starts_at, ends_at, participants, status,"
            " booked_at, state, occurrence, reported_at) values"
            " ($1, 'b-1', 'cut', $2, $2::timestamptz + interval '1 hour', 1, 'CANCELLED', $2, 'VOID', 1, $2)",
            programme.id,
            NOW,
        )
        await connection.execute(
            "insert into booking_occurrence (programme_id, booking_external_id, occurrence, account_id, starts_at,"
            " ends_at, participants, points, available_from, settings_version, judgement, earned_at, reversed_at)"
            " select programme_id, external_id, 1, 1, starts_at, ends_at, 1, 0, ends_at, 1, '{}', starts_at,"
            " starts_at from booking"
        )
        await connection.execute(
            "insert into webhook_delivery values ($1, 'endpoint', 'delivery', '', '{}', $2)", programme.id, NOW
        )
        await connection.execute(
            "insert into webhook_subscription (programme_id, subscription_id, url, state, created_at)"
            " values ($1, $2, 'https://shop.example', 'ACTIVE', $3)",
            programme.id,
            uuid4(),
            NOW,
        )
        await connection.execute(
            "insert into webhook_sending (programme_id, subscription_id, message_id, event, payload, occurred_at,"
            " created_at, state) select programme_id, subscription_id, 1, 'e', '{}', created_at, created_at,"
            " 'DELIVERED' from webhook_subscription"
        )
        await connection.execute(
            "insert into gift_card"
            " (programme_id, card_id, account_id, product_id, bought_at, deliver_at, delivery_id)"
            " select programme_id, gen_random_uuid(), 1, id, created_at, created_at, 1"
            " from gift_card_product"
        )
        for row in (
            "notice (programme_id, kind, about, created_at) values ($1, 'WELCOME', 'message 1', $2)",
            "notice_template values ($1, 'WELCOME', 'de', 'Hallo', 'Hallo', 1, $2, 'somebody')",
            "notice_setting values ($1, null, null, '{}', null, null, null, null, '{}', 1, $2, 'somebody')",
            "notice_round values ($1, $2::timestamptz::date, null)",
            "mail_refusal select programme_id, account_id, 'a@b', 'no', $2 from member where programme_id = $1",
        ):
            await connection.execute(f"insert into {row}", programme.id, NOW)
        simulation = uuid4()
        await connection.execute(
            "insert into rule_simulation (programme_id, simulation_id, state, rule_key, rule_number, rule_state,"
            " document, currency, settings_from, placed_from, placed_to, created_at, created_by, changed_at,"
            " orders_total, done_placed_at) values ($1, $2, 'QUEUED', 'r-1', 1, 'ACTIVE', '{}', 'EUR', 1, $3,"
            " $3::timestamptz + interval '1 day', $3, 'somebody', $3, 1, $3)",
            programme.id,
            simulation,
            NOW,
        )
        for results in (
            "rule_simulation_order values ($1, $2, 'o-1', 1, now(), 1, 2)",
            "rule_simulation_member values ($1, $2, 1, 1, 1, 2)",
            "rule_simulation_count values ($1, $2, 1, 'r-1', 'rule', 1, 2)",
        ):
            await connection.execute(f"insert into {results}", programme.id, simulation)
        await connection.execute(
            "insert into clock_move (programme_id, at, ahead) values ($1, $2, '1 s')", programme.id, NOW
        )
        await connection.execute(
            "insert into order_sending (programme_id, sending_id, state, request, dry_run, points_as_of,"
            " idempotency_key, fingerprint, created_at, created_by, changed_at)"
            " values ($1, $2, 'QUEUED', '{}', false, 'NOW', 'k', '', $3, 'somebody', $3)",
            programme.id,
            simulation,
            NOW,
        )
        await connection.execute(
            "insert into order_sending_document values ($1, $2, 1, 1, 'ORDER', 'o-1')", programme.id, simulation
        )
    return programme


@pytest_asyncio.fixture
async def owner(owner_database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(owner_database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_a_programme_sees_its_own_rows_and_no_others(
    installation: Installation, full: ProgrammeSnapshot, table: str
) -> None:
    other = await make_programme(installation)
    count = f"select count(*) from {table} where programme_id = $1"
    async with installation.db.bare_transaction(full.id) as connection:
        assert await connection.fetchval(count, full.id) > 0
    async with installation.db.bare_transaction(other.id) as connection:
        assert await connection.fetchval(count, full.id) == 0
    assert await installation.db.pool.fetchval(count, full.id) == 0, "nobody has said which programme"


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_the_owner_of_the_tables_is_no_exception(
    full: ProgrammeSnapshot, owner: "asyncpg.Connection[asyncpg.Record]", table: str
) -> None:
    assert await owner.fetchval(f"select count(*) from {table} where programme_id = $1", full.id) == 0
    forced = "select relrowsecurity and relforcerowsecurity from pg_class where oid = $1::regclass"
    assert await owner.fetchval(forced, table)


async def test_nothing_is_written_into_another_programme(
    installation: Installation, full: ProgrammeSnapshot
) -> None:
    other = await make_programme(installation)
    insert = "insert into store (programme_id, store_id, name, time_zone) values ($1, 'x', 'x', 'UTC')"
    for statement, arguments in (
        (insert, (full.id,)),
        ("update store set programme_id = $1", (full.id,)),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with installation.db.bare_transaction(other.id) as connection:
                await connection.execute(insert, other.id)
                await connection.execute(statement, *arguments)
    async with installation.db.bare_transaction(other.id) as connection:
        assert await connection.execute("update store set name = 'taken over'") == "UPDATE 0"
        assert await connection.execute("delete from sales_order") == "DELETE 0"


async def test_every_table_of_a_tenant_has_the_programme_first_in_its_keys() -> None:
    for name in TENANT_TABLES:
        table = Base.metadata.tables[name]
        assert next(iter(table.primary_key.columns)).name == "programme_id", name
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "programme_id", key.name
        for index in table.indexes:
            assert next(iter(index.columns)).name == "programme_id", index.name


async def test_the_application_writes_no_table_of_the_ledger(installation: Installation) -> None:
    rows = await installation.db.pool.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'ledger'"
    )
    assert rows
    for row in rows:
        for privilege in ("insert", "update", "delete", "truncate"):
            allowed = "select has_table_privilege($1, $2)"
            assert not await installation.db.pool.fetchval(allowed, row["name"], privilege), (row, privilege)
