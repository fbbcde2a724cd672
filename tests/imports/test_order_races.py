"""An import and what others do before it, or at the same time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pointbook.db.queries import orders as order_queries
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.order_writing import OrderCounts
from pointbook.services.redemption import Capture, capture
from tests.events import subscribe
from tests.imports.files import imported, json_lines, order_rows
from tests.support import NOW, join_member, member_with_points, order_document, redeem, server, topics


async def test_r14_an_import_corrects_the_address_that_a_parked_order_waits_for(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    guest = {"externalId": "guest-9", "email": "ann@example.com"}
    await submit_order(installation, programme.id, order_document(customer=guest), now=NOW)
    path = json_lines(tmp_path / "o.jsonl", [order_document(customer={**guest, "emailVerified": True})] * 2)
    assert (await imported(installation, programme, path)).counts == OrderCounts(parked=1, known=1)
    [row] = await order_rows(installation, programme)
    assert row["customer_email"] == "ann@example.com"


async def test_nobody_is_told_of_what_is_imported_also_of_an_order_that_needs_a_decision(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(status="NEW"), now=NOW)
    await subscribe(installation, programme)
    path = json_lines(tmp_path / "o.jsonl", [order_document(), order_document("o-2")])
    assert (await imported(installation, programme, path)).counts == OrderCounts(earned=2, points=100)
    assert await topics(installation.db, programme) == ["member.joined"]


async def test_an_order_whose_voucher_is_being_captured_waits_for_it_and_earns_for_the_rest_only(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await member_with_points(installation, programme, 1_000)
    voucher = await redeem(installation, programme, 400)
    path = json_lines(tmp_path / "orders.jsonl", [order_document("o-1")])
    importing: list[asyncio.Task[Any]] = []

    async def set_redeemed(*_arguments: Any) -> None:
        importing.append(asyncio.create_task(imported(installation, programme, path)))
        await asyncio.sleep(0.3)  # the capture has not committed, and the import is as far as it gets

    monkeypatch.setattr(order_queries, "set_redeemed", set_redeemed)
    await capture(installation, server(programme), Capture(voucher.code, "k-1", order="o-1"), now=NOW)
    assert (await importing[0]).counts.points == 30
