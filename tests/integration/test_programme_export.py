"""An export tells all that a programme holds, as one picture, and nothing of others or of secrets."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pointbook import ledger
from pointbook.db import models
from pointbook.domain.notices import NoticeKind
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.adjusting import AdjustPoints, UndoAdjustment, adjust, undo
from pointbook.services.bookings import submit_booking
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, save_offer
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import create_rule
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.exchange_stock import SetStock, change_stock
from pointbook.services.export_kinds import KINDS
from pointbook.services.gift_cards import BuyGiftCard, HoldCard, buy, hold
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.key_directory import WebhookKind
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.merging import RequestMerge, request_merge
from pointbook.services.notices.settings import change_settings
from pointbook.services.notices.wording import SaveText, save_text
from pointbook.services.programme_export import FORMAT, export_programme
from pointbook.services.programmes import change_state
from pointbook.services.redemption import Capture, capture
from pointbook.services.returns import submit_return
from pointbook.services.sandbox_clocks import move_clock
from pointbook.services.settings_versions import change_currency
from pointbook.services.stores import NewStore, add_store
from pointbook.services.tokens import create_token_key
from pointbook.services.webhook_subscriptions import create_subscription
from pointbook.services.webhooks import create_endpoint
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    booking_document,
    cart,
    customer,
    euros,
    give_points,
    join_member,
    make_programme,
    order_document,
    redeem,
    server,
)

LEFT_OUT = {
    "import_run": "how far imports have come",
    "mail_refusal": "what mail servers said of addresses, which counts here alone",
    "notice": "what became of mails, which is forgotten after a while",
    "notice_round": "how far a day's look for points that expire has come",
    "order_sending": "a job",
    "order_sending_document": "its results, which are kept for 30 days",
    "outbox_message": "messages on their way",
    "merge_address": "keyed digests, for a day",
    "rejoin_block": "keyed digests",
    "rule_simulation": "a job",
    "rule_simulation_count": "its results",
    "rule_simulation_member": "its results",
    "rule_simulation_order": "its results",
    "webhook_delivery": "answers kept to be repeated",
    "webhook_sending": "messages on their way, which are kept for 30 days",
    "ledger.idempotency": "answers kept to be repeated",
    "ledger.programme": "whether its clock may be set ahead, which the programme tells",
}
CARD = {"sku": "card-50", "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00"}
MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 150, "fee": "0.10"}


async def exported(installation: Installation, programme: ProgrammeSnapshot) -> list[dict[str, Any]]:
    return [json.loads(line) async for line in export_programme(installation, programme, now=NOW)]


def of_type(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == kind]


async def lived_in(installation: Installation) -> ProgrammeSnapshot:
    """A programme with everything in it: a line of every type."""
    programme = await make_programme(installation, {"basePointsPerOrder": 10})
    await add_store(installation, programme.id, NewStore("1", "Mitte"), now=NOW)
    rule = {"kind": "ARTICLE", "name": "tea", "points": 2, "targets": ["tea"], "caps": {"perDay": 50}}
    await create_rule(installation, programme.id, rule, now=NOW - DAY)
    await save_offer(installation, programme.id, GIFT_CARDS, CARD, now=NOW)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    await change_stock(installation, server(programme), "mug", SetStock(7, None), "k", now=NOW)
    for key in (
        NewKey(KeyKind.SECRET, "till"),
        NewKey(KeyKind.PUBLISHABLE, "page", origins=("https://a.example",)),
    ):
        await create_key(installation, programme.id, key, now=NOW)
    await create_token_key(installation, programme.id, "HS256", now=NOW)
    await create_endpoint(installation, programme.id, WebhookKind.STANDARD, "shop", now=NOW)
    await create_subscription(installation, server(programme), "https://shop.example/hooks", [], now=NOW)
    await change_settings(installation, server(programme), {"footer": "Mitte 1"}, now=NOW)
    welcome = SaveText(NoticeKind.WELCOME, "de", "Hallo", "Schön, dass du da bist.", 0)
    await save_text(installation, server(programme), welcome, now=NOW)
    await join(installation, programme.id, Join("c-1", "clara@example.org"), now=NOW)
    await give_points(installation, programme, "c-1", 550, now=NOW)
    asked = RequestMerge("other@example.org", "k")
    await request_merge(installation, customer(programme), asked, now=NOW)
    plus = await adjust(installation, server(programme), AdjustPoints("c-1", 5, "Sorry", "late", "k"), now=NOW)
    await undo(installation, server(programme), UndoAdjustment(plus.id), now=NOW)
    exchange = PlaceOrder([PlaceLine("mug", 1, 150)], "Room 7", "k")
    await place_order(installation, customer(programme), exchange, now=NOW)
    in_time = await redeem(installation, programme, 100, of=cart("a"))
    lapses = await redeem(installation, programme, 300, of=cart("b"))
    first = order_document("o-1", "80.00", voucherCode=in_time.code, statusAt=NOW.isoformat())
    await submit_order(installation, programme.id, first, now=NOW)
    cancelled = {"externalId": "r-1", "orderExternalId": "o-1", "type": "CANCELLATION", "currency": "EUR"}
    await submit_return(installation, programme.id, {**cancelled, "returnedAt": NOW.isoformat()}, now=NOW)
    later = NOW + 20 * MINUTE
    used = await redeem(installation, programme, 90)
    await capture(installation, server(programme), Capture(used.code, "k"), now=NOW)
    await submit_order(
        installation, programme.id, {**first, "statusAt": (NOW + 10 * MINUTE).isoformat()}, now=later
    )
    await give_points(installation, programme, "c-1", 500, now=NOW)
    bought = await buy(installation, customer(programme), BuyGiftCard("card-50", 500, "k"), now=NOW)
    held = HoldCard(bought.card.code, "k", euros("20.00"))
    await hold(installation, server(programme), held, now=NOW)
    late = order_document("o-2", "50.00", voucherCode=lapses.code, placedAt=(NOW + MINUTE).isoformat())
    await submit_order(installation, programme.id, late, now=later)
    service = {"kind": "SERVICE", "name": "cut", "points": 25, "targets": ["cut"]}
    await create_rule(installation, programme.id, service, now=NOW - DAY)
    for told in (
        booking_document("b-1", participants=2, store="1", entryChannel="app"),
        booking_document("b-1", status="CANCELLED", statusAt=NOW.isoformat(), bookedAt=NOW.isoformat()),
        booking_document("b-2", customer_id="stranger"),
    ):
        await submit_booking(installation, programme.id, told, now=later)
    await move_clock(installation, programme.id, DAY, now=NOW)
    return programme


async def test_every_table_is_told_of_or_named_here() -> None:
    told = {table for kind in KINDS for table in kind.tables}
    ledgers = {f"ledger.{name}" for name in LEDGER_TABLES}
    assert told | LEFT_OUT.keys() == set(models.SalesOrder.metadata.tables) | ledgers
    assert not told & LEFT_OUT.keys()


LEDGER_TABLES = (
    *("programme", "account", "entry", "lot", "transfer", "hold", "late_capture", "idempotency"),
    *("card", "card_entry", "card_hold"),
)


async def test_the_ledgers_tables_are_these(every_table: list[str]) -> None:
    assert {name for name in every_table if name.startswith("ledger.")} == {f"ledger.{it}" for it in LEDGER_TABLES}


async def test_a_programme_is_told_whole(installation: Installation) -> None:
    programme = await lived_in(installation)
    await lived_in(installation)
    lines = await exported(installation, programme)
    assert lines[0] == {
        "type": "export",
        "format": FORMAT,
        "programme": programme.slug,
        "exportedAt": NOW.isoformat().replace("+00:00", "Z"),
    }
    assert lines[-1] == {"type": "end", "lines": len(lines)}
    assert [line["type"] for line in lines[1:-1]] == [
        kind.type for kind in KINDS for _ in of_type(lines, kind.type)
    ]
    assert {line["type"] for line in lines[1:-1]} == {kind.type for kind in KINDS}
    [member] = of_type(lines, "member")
    assert (member["externalIds"], member["email"]) == (["c-1"], "clara@example.org")
    plus, minus = of_type(lines, "adjustment")
    assert (plus["account"], plus["points"], plus["description"], plus["internalNote"], plus["undoes"]) == (
        member["account"],
        5,
        "Sorry",
        "late",
        None,
    )
    assert (minus["points"], minus["undoes"]) == (-5, plus["id"])
    adjusted = {entry["id"] for entry in of_type(lines, "entry") if entry["kind"] == "ADJUST"}
    assert {plus["entry"], minus["entry"]} == adjusted
    [bought] = of_type(lines, "giftCard")
    assert (bought["sku"], bought["faceValue"], bought["open"]) == ("card-50", "50.00", "30.00")
    assert bought["entry"] in {entry["id"] for entry in of_type(lines, "entry")}
    [card], [item], [order] = (
        of_type(lines, kind) for kind in ("giftCardProduct", "exchangeItem", "exchangeOrder")
    )
    assert (card["sku"], card["faceValue"], card["names"]) == ("card-50", "50.00", {"de": "Gutschein"})
    assert (item["sku"], item["fee"], item["stock"]) == ("mug", "0.10", 6)
    assert (order["points"], order["fee"], order["deliveryNote"], order["account"]) == (
        150,
        "0.10",
        "Room 7",
        member["account"],
    )
    assert order["lines"] == [
        {"sku": "mug", "names": {"de": "Becher"}, "quantity": 1, "pricePoints": 150, "fee": "0.10"}
    ]
    assert order["entry"] in {entry["id"] for entry in of_type(lines, "entry") if entry["kind"] == "SPEND"}
    assert [
        (moved["sku"], moved["kind"], moved["change"], moved["stock"], moved["exchangeOrder"])
        for moved in of_type(lines, "stockMovement")
    ] == [("mug", "SET", 7, 7, None), ("mug", "ORDERED", -1, 6, order["id"])]
    assert [line["programme"] for line in lines if "programme" in line] == [programme.slug]


async def test_its_figures_are_those_of_the_ledger(installation: Installation) -> None:
    programme = await lived_in(installation)
    lines = await exported(installation, programme)
    entries, lots = of_type(lines, "entry"), of_type(lines, "lot")
    owned = Counter[int]()
    for transfer in (transfer for entry in entries for transfer in entry["transfers"]):
        owned[transfer["lot"]] += (transfer["credit"] == "open") * transfer["points"]
        owned[transfer["lot"]] -= (transfer["debit"] == "open") * transfer["points"]
    assert {lot["lot"]: lot["open"] for lot in lots} == {lot["lot"]: owned[lot["lot"]] for lot in lots}
    debt = sum(
        ((transfer["debit"] == "debt") - (transfer["credit"] == "debt")) * transfer["points"]
        for entry in entries
        for transfer in entry["transfers"]
    )
    [member] = of_type(lines, "member")
    assert debt == member["debt"]
    ids = {entry["id"] for entry in entries}
    assert {entry["of"] for entry in entries} - {None} <= ids
    assert lots[0]["valuePerPoint"] == "0.05"
    async with installation.db.bare_transaction(programme.id) as connection:
        verification = await ledger.verify(connection, programme.id)
    assert verification.violations == ()
    assert verification.entries == len(entries)


async def test_documents_are_those_that_the_shop_may_report(installation: Installation) -> None:
    programme, other = await lived_in(installation), await make_programme(installation, {"basePointsPerOrder": 10})
    await add_store(installation, other.id, NewStore("1", "Mitte"), now=NOW)
    lines = await exported(installation, programme)
    await join_member(installation, other)
    for line in of_type(lines, "order"):
        answer = await submit_order(installation, other.id, line["document"], now=NOW + DAY)
        assert answer.total.decimal == line["total"]
    for line in of_type(lines, "return"):
        await submit_return(installation, other.id, line["document"], now=NOW + DAY)
    for line in of_type(lines, "booking"):
        await submit_booking(installation, other.id, line["document"], now=NOW + DAY)
    again = await exported(installation, other)
    for kind in ("order", "booking"):
        told = {line["document"]["externalId"]: line["document"] for line in of_type(lines, kind)}
        assert {line["document"]["externalId"]: line["document"] for line in of_type(again, kind)} == told


@pytest.mark.parametrize("find", [str, repr], ids=["text", "form"])
async def test_no_secret_is_told(installation: Installation, find: Callable[[object], str]) -> None:
    programme = await lived_in(installation)
    text = find([line async for line in export_programme(installation, programme, now=NOW)])
    async with installation.db.bare_transaction(programme.id) as connection:
        digests = [row["digest"].hex() for row in await connection.fetch("select digest from api_key")]
        codes = [
            row["code_hash"].hex()
            for row in await connection.fetch(
                "select code_hash from ledger.hold union all select code_hash from ledger.card"
            )
        ]
    assert digests
    assert codes
    assert not [secret for secret in digests + codes if secret in text]


async def test_amounts_are_in_the_currency_they_were_of(installation: Installation) -> None:
    programme = await make_programme(installation)
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 100, now=NOW)
    used = await redeem(installation, programme, 100)
    await capture(installation, server(programme), Capture(used.code, "k"), now=NOW)
    now = NOW
    for state in (ProgrammeState.EARNING_STOPPED, ProgrammeState.CLOSED):
        now += DAY
        await change_state(installation, programme.id, state, now=now)
    settings = ProgrammeSettings.from_document({"valuePerPoint": "5", "revenuePerPoint": "100"}, "JPY")
    await change_currency(installation, programme.id, "JPY", settings, now=now)
    lines = await exported(installation, await installation.programmes.get(programme.id))
    [lot], [hold] = of_type(lines, "lot"), of_type(lines, "hold")
    assert (lot["valuePerPoint"], lot["currency"]) == ("0.05", "EUR")
    assert (hold["value"], hold["capturedValue"], hold["currency"]) == ("5.00", "5.00", "EUR")


async def test_what_is_written_while_it_is_read_is_not_in_the_picture(installation: Installation) -> None:
    programme = await make_programme(installation)
    await join_member(installation, programme)
    for number in range(3):
        await submit_order(installation, programme.id, order_document(f"m-{number}"), now=NOW)
    lines, told = export_programme(installation, programme, now=NOW), []
    async for line in lines:
        told.append(json.loads(line))
        if told[-1]["type"] in {"programme", "order"}:
            await submit_order(installation, programme.id, order_document(f"a-{len(told)}"), now=NOW)
    assert [line["document"]["externalId"] for line in of_type(told, "order")] == ["m-0", "m-1", "m-2"]
    assert len(of_type(told, "entry")) == 3
    assert told[-1] == {"type": "end", "lines": len(told)}
    assert not any(" offset " in kind.statement for kind in KINDS)
