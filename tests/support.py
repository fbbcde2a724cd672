"""Factories and questions that tests share, as plain functions with the few arguments a test talks about."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
import pytest

from pointbook import ledger
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.session import Database
from pointbook.domain.access import ALL_SCOPES, CallerKind, Principal
from pointbook.domain.money import Money
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.redemption import Cart
from pointbook.ledger import Accrual, NewLot
from pointbook.services import account, programmes, redemption
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, Joined, join
from pointbook.services.programmes import NewProgramme
from pointbook.services.redemption import Redeem, Voucher
from pointbook.services.verifying import verify

SECRET = "a secret of tests that is long enough"
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
"""10:00 in Berlin. Programmes of tests are sandboxes, so that no test depends on the machine's date."""
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)

SIMULATION_TABLES = ("rule_simulation", "rule_simulation_order", "rule_simulation_member", "rule_simulation_count")
SENDING_TABLES = ("order_sending", "order_sending_document")
_TENANT_TABLES = (
    *(
        "settings_version",
        "store",
        "member",
        "member_external_id",
        "merge_address",
        "rejoin_block",
        "sales_order",
        "return_document",
        "outbox_message",
    ),
    *("import_run", "earning_rule_version", "rule_count", "audit_entry", "webhook_delivery", "staff_warning"),
    *("gift_card", "gift_card_product", "adjustment", "merge_request", "clock_move"),
    *("webhook_subscription", "webhook_sending"),
    *("notice", "notice_template", "notice_setting", "notice_round", "mail_refusal"),
    *("exchange_item", "stock_movement", "exchange_order", "exchange_order_line"),
    *("order_occurrence", "booking", "booking_occurrence"),
    *SIMULATION_TABLES,
    *SENDING_TABLES,
    *("ledger.programme", "ledger.account", "ledger.entry", "ledger.transfer", "ledger.lot"),
    *("ledger.card", "ledger.card_entry", "ledger.card_hold"),
    *("ledger.hold", "ledger.idempotency", "ledger.late_capture"),
)


async def make_programme(
    installation: Installation,
    settings: dict[str, Any] | None = None,
    *,
    slug: str | None = None,
    name: str = "A shop",
    currency: str = "EUR",
    locales: tuple[str, ...] = ("de", "en"),
    state: ProgrammeState = ProgrammeState.ACTIVE,
    sandbox: bool = True,
    now: datetime = NOW,
) -> ProgrammeSnapshot:
    """A programme in Berlin: 1.00 earns a point that is worth 0.05, unless ``settings`` say otherwise."""
    command = NewProgramme(
        slug=slug or f"shop-{uuid4().hex[:8]}",
        name=name,
        currency=currency,
        time_zone="Europe/Berlin",
        locales=locales,
        settings=ProgrammeSettings.from_document({"qualifyingStatuses": ["PAID"], **(settings or {})}, currency),
        sandbox=sandbox,
        state=state,
    )
    return await programmes.create_programme(installation, command, now=now)


async def join_member(
    installation: Installation, programme: ProgrammeSnapshot, external_id: str = "c-1", *, now: datetime = NOW
) -> Joined:
    return await join(installation, programme.id, Join(external_id), now=now)


async def give_points(
    installation: Installation,
    programme: ProgrammeSnapshot,
    external_id: str,
    *points: int,
    value: str = "5",
    available_from: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime = NOW,
) -> None:
    """A lot for each number of points, worth ``value`` minor units a point."""
    member = await installation.accounts.get(programme.id, external_id)
    accruals = [
        Accrual(
            member.account_id,
            "test",
            uuid4().hex,
            1,
            (NewLot(number, Decimal(value), available_from or now, expires_at),),
        )
        for number in points
    ]
    async with installation.db.bare_transaction(programme.id) as connection:
        accrued = await ledger.accrue(connection, programme.id, accruals, now=now)
    assert {answer.status for answer in accrued} == {"ok"}


async def member_with_points(
    installation: Installation, programme: ProgrammeSnapshot, *points: int, external_id: str = "c-1"
) -> Principal:
    """A member who never loses these points, and the customer's principal."""
    await join_member(installation, programme, external_id)
    await give_points(installation, programme, external_id, *points)
    return customer(programme, external_id)


def customer(programme: ProgrammeSnapshot, external_id: str = "c-1") -> Principal:
    return Principal(CallerKind.CUSTOMER, programme.id, "kid", subject=external_id)


def server(programme: ProgrammeSnapshot) -> Principal:
    return Principal(CallerKind.SERVER, programme.id, "sk", ALL_SCOPES)


def cart(cart_id: str = "cart-1", total: int = 10_000, *, currency: str = "EUR", **more: Any) -> Cart:
    """``total`` in minor units."""
    return Cart(cart_id, total, currency, **more)


async def redeem(
    installation: Installation,
    programme: ProgrammeSnapshot,
    points: int | None,
    *,
    of: Cart | None = None,
    key: str | None = None,
    external_id: str = "c-1",
    now: datetime = NOW,
) -> Voucher:
    """A hold of ``points`` (None: all that the cart takes) under a key of its own."""
    command = Redeem(of or cart(), points, key or uuid4().hex)
    return await redemption.redeem(installation, customer(programme, external_id), command, now=now)


def order_document(
    external_id: str = "o-1",
    amount: str = "50.00",
    *,
    customer_id: str = "c-1",
    status: str = "PAID",
    **more: Any,
) -> dict[str, Any]:
    """An order of one line. ``more`` are further fields of the document."""
    return {
        "externalId": external_id,
        "type": "SALE",
        "status": status,
        "placedAt": "2026-03-01T08:00:00Z",
        "currency": "EUR",
        "customer": {"externalId": customer_id},
        "lines": [{"id": "1", "articleId": "tea", "quantity": 1, "amount": amount}],
        **more,
    }


def booking_document(
    external_id: str = "b-1",
    starts_at: datetime = NOW + timedelta(hours=1),
    *,
    status: str = "BOOKED",
    customer_id: str = "c-1",
    **more: Any,
) -> dict[str, Any]:
    """An appointment of an hour for a cut. ``more`` are further fields of the document."""
    return {
        "externalId": external_id,
        "serviceId": "cut",
        "startsAt": starts_at.isoformat(),
        "endsAt": (starts_at + timedelta(hours=1)).isoformat(),
        "status": status,
        "customer": {"externalId": customer_id},
        **more,
    }


async def spendable(
    installation: Installation, programme: ProgrammeSnapshot, external_id: str = "c-1", *, now: datetime = NOW
) -> int:
    answer = await account.balance(installation, programme.id, external_id, now=now)
    assert answer is not None, "asked about a member"
    return answer.spendable


async def outbox(db: Database, programme: ProgrammeSnapshot) -> list[tuple[str, dict[str, Any]]]:
    """Topics and payloads of all messages, in order."""
    async with db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select topic, payload from outbox_message order by id")
    return [(row["topic"], orjson.loads(row["payload"])) for row in rows]


async def topics(db: Database, programme: ProgrammeSnapshot) -> list[str]:
    return [topic for topic, _ in await outbox(db, programme)]


async def everything(db: Database, programme: ProgrammeSnapshot, *, but: Sequence[str] = ()) -> bytes:
    """A digest of every row of a programme: equal before and after what must change nothing (``but`` a table)."""
    digest = sha256()
    async with db.bare_transaction(programme.id) as connection:
        for table in sorted({*_TENANT_TABLES} - {*but}):
            rows = await connection.fetch(f"select t::text as row from {table} as t order by 1")
            digest.update("\n".join([table, *(row["row"] for row in rows)]).encode())
    return digest.digest()


async def refused(call: Awaitable[Any], error: type[Exception], db: Database, programme: ProgrammeSnapshot) -> Any:
    """The error with which ``call`` was refused, once it is seen that it changed nothing."""
    before = await everything(db, programme)
    with pytest.raises(error) as refusal:
        await call
    assert await everything(db, programme) == before, f"{refusal.value!r} changed something"
    return refusal.value


async def violations(db: Database) -> list[ledger.Violation]:
    """Of all programmes; every scenario ends with none."""
    found: list[ledger.Violation] = []
    for programme_id in await programme_ids(db):
        async with db.bare_transaction(programme_id) as connection:
            found += (await verify(connection, programme_id)).violations
    return found


def euros(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def outcomes(answers: Sequence[object], kind: type) -> int:
    """How many of the answers of a race are of a kind."""
    return sum(isinstance(answer, kind) for answer in answers)
