"""R34: of a member who left no name, address or word is found anywhere in the database.

The first test plants a marker in everything that the member, the shop and the staff can say of a member, lets them
leave, and looks through every column that the catalogue knows, so that a later table is looked through, too. The
second one asks of every column that could hold words what becomes of them: a later one is in neither list.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pointbook.ledger import Request
from pointbook.services import outbox
from pointbook.services.import_reports import ImportReport
from pointbook.services.member_import import import_members
from pointbook.services.outbox import MEMBER_GOODBYE, Message, Subscriptions
from pointbook.services.requests import keyed
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_sendings import fan_out
from tests.events import told
from tests.imports.files import json_lines
from tests.scenarios.conftest import OpenShop, opened
from tests.scenarios.rewards import Rewards
from tests.scenarios.shop import Shop
from tests.scenarios.test_adjustments import adjust
from tests.scenarios.test_leaving import leave
from tests.scenarios.test_member_editing import ask
from tests.support import give_points

__all__ = ["opened"]

MARK = "mark4711"
NAMES = (f"{MARK}-1", f"{MARK}-2")
EMAIL = f"{MARK}@{MARK}.example"
_TEXTS = ("text", "character varying", "json", "jsonb", "bytea", "ARRAY", "date")

EMPTIED = {
    "public.member": ("email", "locale", "birthday"),
    "public.member_external_id": ("external_id",),
    "public.sales_order": ("customer_external_id", "customer_email", "document", "fingerprint"),
    "public.booking": ("customer_external_id", "customer_email"),
    "public.gift_card": ("recipient_name", "recipient_email", "message"),
    "public.exchange_order": ("note",),
    "public.adjustment": ("description", "internal_note", "request_input"),
    "public.import_run": ("refused",),
    "public.merge_request": ("email", "reason", "request", "request_input"),
    "public.mail_refusal": ("email", "answer"),
    "public.outbox_message": ("payload", "last_error"),
    "public.webhook_sending": ("error", "response"),
}
"""What erasure empties or deletes, of the member who leaves."""

_OF_THE_LEDGER = "kinds, states and ids of orders and redemptions; figures"
_OF_DOCUMENTS = "the shop's ids of documents, articles and stores, words of its own list: they name nobody to us"
_OF_THE_MERCHANT = "the merchant's own settings, keys, texts and colleagues"
KEPT = {
    "ledger.card": _OF_THE_LEDGER,
    "ledger.card_entry": _OF_THE_LEDGER,
    "ledger.card_hold": _OF_THE_LEDGER,
    "ledger.entry": _OF_THE_LEDGER,
    "ledger.idempotency": f"{_OF_THE_LEDGER}; keyed digests of requests",
    "ledger.hold": f"{_OF_THE_LEDGER}; digests of a cart and a code",
    "ledger.transfer": _OF_THE_LEDGER,
    "public.adjustment": "made_by: a staff key; request: a digest of that key's request",
    "public.alembic_version": "a number",
    "public.api_key": _OF_THE_MERCHANT,
    "public.audit_entry": "members by opaque id, and which fields changed, not what they hold",
    "public.booking": _OF_DOCUMENTS,
    "public.booking_occurrence": _OF_DOCUMENTS,
    "public.clock_move": "digests of staff requests",
    "public.earning_rule_version": _OF_THE_MERCHANT,
    "public.exchange_item": _OF_THE_MERCHANT,
    "public.exchange_order": "currency and state",
    "public.exchange_order_line": "what an item is called",
    "public.gift_card_product": _OF_THE_MERCHANT,
    "public.import_run": "kind and digest of a file",
    "public.member": "state; which rules gave the sign-up points",
    "public.merge_address": "a keyed digest of an address, for a day",
    "public.merge_request": "state; a digest of a link; decided_by: a staff key, or that the member did",
    "public.notice": "about: the id of a message or account, opaque",
    "public.notice_round": "a day of the programme",
    "public.notice_setting": _OF_THE_MERCHANT,
    "public.notice_template": _OF_THE_MERCHANT,
    "public.order_occurrence": _OF_DOCUMENTS,
    "public.order_sending": "ids of documents, a filter, who of the staff asked",
    "public.order_sending_document": _OF_DOCUMENTS,
    "public.outbox_message": "topic",
    "public.programme": _OF_THE_MERCHANT,
    "public.rejoin_block": "keyed digests of the address and of the ids, for as long as the programme says",
    "public.return_document": _OF_DOCUMENTS,
    "public.rule_count": "a rule and a day",
    "public.rule_simulation": _OF_THE_MERCHANT,
    "public.rule_simulation_count": "a rule and a day",
    "public.rule_simulation_order": _OF_DOCUMENTS,
    "public.sales_order": _OF_DOCUMENTS,
    "public.settings_version": _OF_THE_MERCHANT,
    "public.staff_warning": "ids of orders and redemptions; figures",
    "public.stock_movement": "digests of staff requests",
    "public.store": _OF_THE_MERCHANT,
    "public.token_key": _OF_THE_MERCHANT,
    "public.webhook_delivery": "what became of a document, by the shop's id of it, for 14 days",
    "public.webhook_endpoint": _OF_THE_MERCHANT,
    "public.webhook_sending": "event, state; payload: opaque ids and figures",
    "public.webhook_subscription": _OF_THE_MERCHANT,
}
"""What stays, and why it may."""

_COLUMNS_KEPT = {
    "public.adjustment": ("made_by", "request"),
    "public.booking": (
        *("external_id", "service_id", "store_id", "entry_channel"),
        *("state", "status"),
    ),
    "public.exchange_order": ("currency", "state"),
    "public.import_run": ("kind", "file_digest"),
    "public.member": ("state", "sign_up_judgement"),
    "public.merge_request": ("state", "token_digest", "decided_by"),
    "public.outbox_message": ("topic",),
    "public.sales_order": (
        *("external_id", "type", "status", "state", "currency", "store_id", "entry_channel", "exit_channel"),
        *("returned", "judgement"),
    ),
    "public.webhook_sending": ("event", "state", "payload"),
}
"""Of tables of which a part is emptied: the others."""


async def columns(admin: "asyncpg.Connection[asyncpg.Record]") -> dict[str, dict[str, str]]:
    """Whatever can hold words: columns with their types, by table."""
    rows = await admin.fetch(
        "select table_schema || '.' || table_name as table, column_name, data_type"
        " from information_schema.columns join information_schema.tables using (table_schema, table_name)"
        " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
        " and data_type = any($1)",
        list(_TEXTS),
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["table"], {})[row["column_name"]] = row["data_type"]
    return found


async def marked(admin: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    """Where the marker is, also in what is kept as bytes or as JSON."""
    places = set()
    for table, kinds in (await columns(admin)).items():
        for column, kind in kinds.items():
            text = f"encode({column}, 'escape')" if kind == "bytea" else f"{column}::text"
            if await admin.fetchval(f"select exists (select from {table} where {text} ilike '%{MARK}%')"):
                places.add(f"{table}.{column}")
    return places


async def test_a_column_that_could_hold_words_says_what_erasure_does_with_them(
    admin: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """Whoever adds a column decides here, and where it is emptied plants the marker in it below."""
    for table, kinds in (await columns(admin)).items():
        emptied = set(EMPTIED.get(table, ()))
        kept = set(_COLUMNS_KEPT.get(table, ())) if emptied else set(kinds)
        assert table in KEPT or not kept, f"{table} is not known here"
        assert set(kinds) == emptied | kept, f"columns of {table}"
    assert set(EMPTIED) | set(KEPT) <= set(await columns(admin))


async def test_the_marker_is_found_wherever_it_is(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """The control: in a table that nobody has thought of, as text, as JSON, and as bytes."""
    await admin.execute(
        "create table public.thought_of_by_nobody (words text, document jsonb, raw bytea, list text[])"
    )
    try:
        for column, value in (
            ("words", f"'{MARK.upper()}'"),
            ("document", f"""'{{"a": ["x {MARK}"]}}'"""),
            ("raw", f"convert_to('x {MARK}', 'UTF8')"),
            ("list", f"array['a', '{MARK}']"),
        ):
            await admin.execute(f"insert into public.thought_of_by_nobody ({column}) values ({value})")
            assert f"public.thought_of_by_nobody.{column}" in await marked(admin)
        with pytest.raises(AssertionError, match="thought_of_by_nobody is not known here"):
            await test_a_column_that_could_hold_words_says_what_erasure_does_with_them(admin)
    finally:
        await admin.execute("drop table public.thought_of_by_nobody")


async def refuse(message: Message) -> None:
    """A mail server that repeats the address."""
    raise RuntimeError(f"550 <{EMAIL}> unknown, about {message.id}")


def listening(handler: Any, topics: Iterable[str]) -> Subscriptions:
    subscribed = Subscriptions()
    subscribed.record(EVENTS, fan_out)
    for topic in topics:
        subscribed.add(topic, handler)
    return subscribed


async def plant(shop: Shop, tmp_path: Path) -> None:
    """Everything that can be said of a member, by everybody who can say something."""
    customer = {"externalId": NAMES[1], "email": EMAIL, "emailVerified": True}
    assert (await shop.order("parked", "10.00", customer=customer))["outcome"] == "PARKED"
    assert (await shop.book("parked", "2026-03-09 10:00", customer=customer))["outcome"] == "PARKED"
    await shop.staff(
        'mutation { createWebhookSubscription(input: {url: "https://shop.example/hooks"}) { __typename } }'
    )
    await ask(
        shop,
        "enrolMember",
        customerExternalId=NAMES[0],
        email=EMAIL,
        emailVerified=True,
        locale="de",
        birthday="1990-02-28",
        optIn=True,
    )
    await ask(shop, "addCustomerExternalId", customerExternalId=NAMES[0], furtherExternalId=NAMES[1])
    await ask(shop, "updateMember", customerExternalId=NAMES[1], locale="en")
    await give_points(shop.installation, shop.programme, NAMES[0], 5_000, now=shop.clock())
    await adjust(
        shop, 50, customerExternalId=NAMES[0], description=f"Sorry, {MARK}", internalNote=f"{MARK} was angry"
    )
    hold = await shop.redeem(100, "20.00", customer=NAMES[0])
    voucher = {"code": f"{MARK}-SPRING", "amount": "1.00", "type": "SPRING"}
    earned = await shop.order(
        "bought",
        "20.00",
        customer={"externalId": NAMES[0], "email": EMAIL},
        voucherCode=hold["voucherCode"],
        shopVouchers=[voucher],
        discounts=[{"amount": "0.50", "code": f'{MARK} "quoted", \\ and more'}],
    )
    assert earned["outcome"] == "EARNED"
    await shop.take_back("back", "bought", {"id": "1", "amount": "5.00"})
    await shop.book("booked", "2026-03-09 10:00", customer={"externalId": NAMES[0], "email": EMAIL})
    await shop.redeem(50, "20.00", cart=f"{MARK} cart", customer=NAMES[0])
    rewards = Rewards(shop)
    await rewards.offer_card()
    recipient = {"name": f"{MARK} Granny", "email": f"granny@{MARK}.example", "message": f"from {MARK}"}
    await rewards.buy(customer=NAMES[0], recipient=recipient)
    await shop.sell("mug", 100)
    placed = await shop.exchange(
        {"sku": "mug", "quantity": 1, "pricePoints": 100}, note=f"to {MARK}", customer=NAMES[0]
    )
    assert placed["state"] == "SUBMITTED", placed
    await shop.as_customer(
        NAMES[0],
        "mutation ($input: RequestMergeInput!) { requestMerge(input: $input) { __typename } }",
        input={"email": f"other@{MARK}.example", "idempotencyKey": "k"},
    )
    bad = [{"externalId": NAMES[0], "email": "no address"}, {"externalId": "other", "email": "none either"}]
    path = json_lines(tmp_path / "members.jsonl", bad)
    report: ImportReport[Any] = await import_members(shop.installation, shop.programme.id, path, clock=shop.clock)
    assert report.refused == 2


async def say_back(shop: Shop, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What servers of others answered. The one of webhooks and the one of bounces are played."""
    await outbox.drain(
        shop.installation.db, listening(refuse, ["gift_card.delivery", "notice.mail", "points.adjusted"])
    )
    for column in ("error", "response"):
        await admin.execute(
            f"update webhook_sending set {column} = $1 where payload::text like '%' || $2 || '%'",
            f"what {MARK} got",
            (await shop.me("id", NAMES[0]))["id"],
        )
    await admin.execute(
        "update merge_request set state = 'REJECTED', decided_at = now(), reason = $1", f"{MARK} is two people"
    )
    await admin.execute(
        "insert into mail_refusal (programme_id, account_id, email, answer, refused_at)"
        " select programme_id, account_id, email, 'no ' || email, now() from member where email is not null"
    )


async def test_of_a_member_who_left_no_word_is_found_anywhere(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]", tmp_path: Path
) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=10, rejoinBonusBlockDays=30)
    await plant(shop, tmp_path)
    await say_back(shop, admin)
    planted = await marked(admin)
    unmarked = {"public.member.locale", "public.member.birthday", "public.outbox_message.payload"}
    digests = {
        *("public.sales_order.fingerprint", "public.adjustment.request_input"),
        *("public.merge_request.request", "public.merge_request.request_input"),
    }
    emptied = {f"{table}.{column}" for table, columns in EMPTIED.items() for column in columns}
    assert planted == emptied - unmarked - digests, "every word that is to go was there"
    figures = await figures_of(admin)
    assert await told(shop.installation, shop.programme, "order.earned"), "all that was told is documented"

    left = await leave(shop, NAMES[0])
    assert left["points"] > 0, left
    sent: list[str] = []

    async def goodbye(message: Message) -> None:
        sent.append(message.payload["email"])

    await outbox.drain(shop.installation.db, listening(goodbye, [MEMBER_GOODBYE]))
    assert sent == [EMAIL], "the last letter knew the address"

    assert await marked(admin) == set()
    [member] = await admin.fetch("select * from member")
    assert (member["state"], member["birthday"], member["locale"], member["notices"]) == (
        "LEFT",
        None,
        None,
        False,
    )
    assert await admin.fetchval("select count(*) from sales_order where fingerprint <> ''") == 0
    assert await admin.fetchval("select count(*) from adjustment where request_input <> ''") == 0
    assert await admin.fetchval("select refused ->> 0 from import_run where jsonb_array_length(refused) = 1")
    assert await figures_of(admin) == figures, "orders, bookings, cards and their figures stay"


async def figures_of(admin: "asyncpg.Connection[asyncpg.Record]") -> list[tuple[Any, ...]]:
    """What statistics are made of."""
    found: list[tuple[Any, ...]] = []
    for query in (
        "select external_id, account_id, state, total, redeemed_value, points, judgement::text from sales_order",
        "select external_id, account_id, state, starts_at from booking",
        "select external_id, value, money, given_back, reversed from return_document",
        "select card_id, face, open, used from ledger.card",
        "select public_id, state, points, fee from exchange_order",
        "select points, at from adjustment",
        """
        select debit, credit, sum(points) from ledger.transfer
        where 'forfeited' not in (debit, credit) and 'held' not in (debit, credit) group by 1, 2
        """,
    ):
        found += sorted(map(tuple, await admin.fetch(query)), key=str)
    return found


async def test_of_what_was_asked_only_keyed_digests_are_kept(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Who has the database and knows a request's key cannot try names; the control: with the secret one can."""
    shop = await opened("2026-03-01 12:00")
    await ask(shop, "enrolMember", customerExternalId=NAMES[0])
    await give_points(shop.installation, shop.programme, NAMES[0], 100, now=shop.clock())
    await shop.redeem(50, "20.00", customer=NAMES[0], cart="cart-1", key="k")
    await adjust(shop, 50, customerExternalId=NAMES[0], description="Sorry")
    confirm = {"points": 150, "debt": 0}
    assert await leave(shop, NAMES[0], confirm=confirm, key="k") == confirm
    for operation, *said in (("redeem",), ("leaveProgramme", NAMES[0], 150, 0)):
        plain = Request.of(f"CUSTOMER:{NAMES[0]}", operation, "k", *said)
        kept = keyed(shop.installation.secrets, shop.programme.id, plain)
        known = "select count(*) from ledger.idempotency where request = $1"
        assert await admin.fetchval(known, plain.digest) == 0
        assert await admin.fetchval(known, kept.digest) == 1
    assert kept.input in [row["input"] for row in await admin.fetch("select input from ledger.idempotency")]


async def test_others_keep_all_that_is_theirs(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]", tmp_path: Path
) -> None:
    """The control: who leaves takes nobody's words along, not even those of somebody with like names."""
    shop = await opened("2026-03-01 12:00")
    await plant(shop, tmp_path)
    before = await marked(admin)
    await ask(shop, "enrolMember", customerExternalId="mark", email="other@example.org", optIn=True)
    await adjust(shop, 5, customerExternalId="mark", description="for them")
    await leave(shop, "mark")
    assert await marked(admin) == before
    assert await admin.fetchval("select description from adjustment where points = 5") == ""


async def test_a_goodbye_goes_only_to_who_opted_in_and_is_not_kept(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    shop = await opened("2026-03-01 12:00")
    for name, opt_in in (("in", True), ("out", False), ("refused", True)):
        email = f"{name}@{MARK}.example"
        await ask(shop, "enrolMember", customerExternalId=name, email=email, optIn=opt_in, locale="de")
    sent: list[dict[str, Any]] = []

    async def goodbye(message: Message) -> None:
        sent.append(message.payload)
        if message.payload["email"].startswith("refused"):
            raise outbox.Undeliverable(message.payload["email"])

    for name in ("in", "out", "refused"):
        await leave(shop, name)
    assert await marked(admin) == {"public.outbox_message.payload"}
    await outbox.drain(shop.installation.db, listening(goodbye, [MEMBER_GOODBYE]))
    assert sent == [{"email": f"{name}@{MARK}.example", "locale": "de"} for name in ("in", "refused")]
    assert await marked(admin) == set(), "neither what was delivered nor what was given up is kept"
