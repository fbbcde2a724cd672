"""What is kept of a member, given to them as a file of records."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pointbook.services import member_export
from pointbook.services.export_kinds import KINDS
from tests.integration.test_erasure import EMAIL, MARK, NAMES, plant
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop
from tests.support import give_points


async def exported(shop: Shop, customer: str = "c-1") -> list[list[dict[str, Any]]]:
    """The records, page by page."""
    pages, after = [], None
    while True:
        answer = await shop.as_customer(
            customer,
            "query ($after: String) { me { dataExport(after: $after) { records endCursor } } }",
            after=after,
        )
        page = answer["me"]["dataExport"]
        pages.append(page["records"])
        after = page["endCursor"]
        if after is None:
            return pages


async def test_a_member_is_given_everything_that_is_kept_of_them(opened: OpenShop, tmp_path: Path) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=10)
    await plant(shop, tmp_path)
    await shop.join("other")
    await give_points(shop.installation, shop.programme, "other", 77, now=shop.clock())
    [records] = await exported(shop, NAMES[0])
    by_type: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_type.setdefault(record.pop("type"), []).append(record)
    assert set(by_type) == {
        *("export", "member", "lot", "hold", "entry", "adjustment", "order", "return", "booking"),
        *("bookingOccurrence", "giftCard", "exchangeOrder", "mergeRequest"),
    }
    balance = (await shop.balance(NAMES[0])) | {"type": None}
    [head], [member] = by_type["export"], by_type["member"]
    assert (head["available"], head["held"], head["value"]) == (
        balance["available"],
        balance["held"],
        balance["value"]["amount"],
    )
    assert (member["externalIds"], member["email"], member["birthday"]) == (list(NAMES), EMAIL, "1990-02-28")
    assert (member["notices"], member["noticesSince"]) == (True, "2026-03-01T12:00:00Z")
    history = await shop.me("history(first: 100) { nodes { id kind } }", NAMES[0])
    told = [(entry["id"], entry["kind"]) for entry in reversed(by_type["entry"])]
    assert told == [(item["id"], item["kind"]) for item in history["history"]["nodes"]]
    [adjustment] = by_type["adjustment"]
    assert adjustment["description"] == f"Sorry, {MARK}"
    assert [order["document"]["externalId"] for order in by_type["order"]] == ["bought"]
    assert [back["document"]["orderExternalId"] for back in by_type["return"]] == ["bought"]
    assert [booking["document"]["externalId"] for booking in by_type["booking"]] == ["booked"]
    assert by_type["giftCard"][0]["recipientEmail"] == f"granny@{MARK}.example"
    assert by_type["mergeRequest"][0]["state"] == "REQUESTED"
    assert not {"source", "email"} & set(by_type["mergeRequest"][0]), "nothing tells of the other account (R33)"
    assert by_type["exchangeOrder"][0]["deliveryNote"] == f"to {MARK}"
    assert f"{MARK} was angry" not in str(records), "what only the staff see"
    assert "judgement" not in str(records)
    assert not any(lot["granted"] == 77 for lot in by_type["lot"]), "nothing of anybody else"


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_pages_of_any_size_tell_the_same(
    opened: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    shop = await opened("2026-03-01 12:00")
    await plant(shop, tmp_path)
    whole = [record for page in await exported(shop, NAMES[0]) for record in page]
    monkeypatch.setattr(member_export, "RECORDS", size)
    pages = await exported(shop, NAMES[0])
    assert [record for page in pages for record in page] == whole
    assert {len(page) for page in pages[:-1]} <= {size}


async def test_what_is_written_between_two_pages_makes_no_record_come_twice_or_not_at_all(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    for number in range(4):
        await shop.order(f"m-{number}", "10.00")
    monkeypatch.setattr(member_export, "RECORDS", 1)
    told: list[str] = []
    after = None
    while after is not None or not told:
        page = (await shop.me(f"dataExport(after: {json.dumps(after)}) {{ records endCursor }}"))["dataExport"]
        after = page["endCursor"]
        told += [record["document"]["externalId"] for record in page["records"] if record["type"] == "order"]
        told = told or [""]
        if told[-1] == "m-1":
            await shop.order("a-1", "10.00")
    assert told[1:] == [f"m-{number}" for number in range(4)]


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        *("", "x", cursor("export:1"), cursor("export:1 0"), cursor("export:{}"), cursor("export:[]")),
        *(cursor("export:[99]"), cursor("export:[-1]"), cursor('export:["1"]'), cursor("export:[true]")),
        *(
            cursor("export:[3, 1]"),
            cursor('export:[3, 1, "2"]'),
            cursor("export:[5, 1]"),
            cursor("export:[3, 1, 2, 3]"),
        ),
        *(cursor(f"export:[3, {10**30}, 1]"), cursor('export:[5, "a\\u0000"]'), cursor('export:[5, "\\ud800"]')),
        cursor("export:" + "[" * 1_100),
    ],
)
async def test_a_cursor_of_something_else_is_refused(opened: OpenShop, after: str) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    headers = {"Authorization": f"Bearer {await shop._token('c-1')}", "Pointbook-Key": shop.secret_key}
    body = {"query": f'{{ me {{ dataExport(after: "{after}") {{ endCursor }} }} }}'}
    answer = (await shop.client.post("/graphql", headers=headers, json=body)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]


async def test_a_page_does_not_walk_what_is_other_members(
    opened: OpenShop, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    shop = await opened("2026-03-01 12:00")
    for customer in ("c-1", "other"):
        await shop.join(customer)
    await shop.order("o-1", "10.00", customer={"externalId": "other"})
    own = (await shop.installation.accounts.get(shop.programme.id, "c-1")).account_id
    transaction = admin.transaction()
    await transaction.start()
    copied = {"sales_order": ["external_id"], "ledger.entry": ["seq", "source_id"], "ledger.transfer": ["seq"]}
    for table, keys in copied.items():
        others = ", ".join(f"'{key}', 1000 + n" for key in keys)
        await admin.execute(
            f"insert into {table} select"
            f" (jsonb_populate_record(null::{table}, to_jsonb(one) || jsonb_build_object({others}))).*"
            f" from (select * from {table} limit 1) as one, generate_series(1, 5000) as n"
        )
        await admin.execute(f"analyze {table}")
    for kind in KINDS:
        for behind in (False, True) if kind.own is not None else ():
            statement = kind.page_of_accounts(behind=behind)
            keys = ["''" if column.endswith("external_id") else "1" for column in kind.keys]
            for place, value in (
                ("$1", shop.programme.id),
                ("$2", f"array[{own}::bigint]"),
                ("$3", 100),
                *((f"${number}", key) for number, key in enumerate(keys, start=4)),
            ):
                statement = statement.replace(place, str(value))
            told = await admin.fetch(f"explain (analyze, costs off, timing off) {statement}")
            plan = "\n".join(row[0] for row in told)
            walked = [int(rows) for rows in re.findall(r"Rows Removed by (?:Join )?Filter: (\d+)", plan)]
            assert max(walked, default=0) < 1_000, plan
    await transaction.rollback()
