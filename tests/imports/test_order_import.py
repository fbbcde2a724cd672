"""An import has the effect that reporting its orders one by one has, and nothing in a file stops it."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services import import_runs
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.import_files import Refusal
from pointbook.services.import_reports import Progress
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.programmes import change_state
from pointbook.services.redemption import Capture, capture
from pointbook.services.settings_versions import change_settings
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.imports.files import children, entries, imported, json_lines, members, order_rows, orders
from tests.support import (
    DAY,
    NOW,
    everything,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    redeem,
    refused,
    server,
    spendable,
    topics,
)

VARIED: list[dict[str, Any]] = [
    order_document("o-1", "19.50"),
    order_document("o-2", "7.00", status="OPEN"),
    order_document("o-3", "5.00", customer_id="c-9"),
    order_document("o-4", "0.00"),
    order_document("o-5", "30.00", store="s-1", entryChannel="till", exitChannel="counter"),
    order_document("o-6", "30.00", store="s-off"),
    order_document("o-7", "12.00", discounts=[{"amount": "2.00"}], deliveryFee="3.90", customer_id="c-2"),
    order_document("o-8", "9.99", lines=[{"id": "1", "articleId": "tea", "quantity": 0, "amount": "9.99"}]),
    order_document("o-9", customer={"externalId": "c-8", "email": "Ann@Example.org", "emailVerified": True}),
    order_document("o-10", customer={"externalId": "c-8", "email": "ann@example.org"}),
    order_document(
        "o-11",
        lines=[
            {"id": "a", "articleId": "fuel", "quantity": "11818.250", "amount": "40.00", "unitPrice": "0.0034"},
            {"id": "b", "articleId": "card", "quantity": 1, "amount": "25.00", "earns": False},
        ],
        payments=[{"kind": "MANUFACTURER_COUPON", "amount": "1.00"}],
    ),
]


async def with_stores(installation: Installation) -> ProgrammeSnapshot:
    programme = await make_programme(installation, {"basePointsPerOrder": 10})
    for store in ("s-1", "s-off"):
        await add_store(installation, programme.id, NewStore(store, store), now=NOW)
    await switch_store(installation, programme.id, "s-off", active=False, now=NOW)
    await members(installation, programme, 2)
    return programme


async def test_an_import_keeps_what_submitting_one_by_one_keeps(
    installation: Installation, tmp_path: Path
) -> None:
    programme, other = await with_stores(installation), await with_stores(installation)
    report = await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", VARIED))
    answers = [await submit_order(installation, other.id, document, now=NOW) for document in VARIED]

    assert await order_rows(installation, programme) == await order_rows(installation, other)
    assert await entries(installation, programme) == await entries(installation, other)
    points = sum(answer.points for answer in answers)
    assert dict(report.counts.items()) == {"earned": 7, "received": 1, "parked": 3, "known": 0, "points": points}
    assert (report.refused, report.behind_line, report.last_line) == (0, 0, len(VARIED))


async def test_total_zero_earns_base_points_and_quantity_zero_counts_with_its_amount(
    installation: Installation, tmp_path: Path
) -> None:
    # R9, R11: what the example with real data relies on
    programme = await with_stores(installation)
    await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", [VARIED[3], VARIED[7]]))
    rows = await order_rows(installation, programme)
    assert [(row["external_id"], row["total"], row["points"]) for row in rows] == [
        ("o-4", 0, 10),
        ("o-8", 999, 20),
    ]


async def test_nobody_is_told_of_points_of_an_import(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    before = await topics(installation.db, programme)
    await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", orders(3)))
    assert await topics(installation.db, programme) == before


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.jsonl.gz"])
async def test_the_same_file_twice_changes_nothing(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int, name: str
) -> None:
    await members(installation, programme)
    path = json_lines(tmp_path / name, [*orders(2 * small_chunks + 1), b"{", order_document("o-2", "99.00")])
    first = await imported(installation, programme, path)
    before = await everything(installation.db, programme)
    second = await imported(installation, programme, path)
    assert await everything(installation.db, programme) == before
    assert (first.counts.earned, second.counts.known, second.counts.earned) == (9, 9, 0)
    assert first.refusals == second.refusals
    assert [refusal.line for refusal in second.refusals] == [10, 11]


async def test_an_order_twice_in_one_file_has_one_effect(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    path = json_lines(
        tmp_path / "orders.jsonl",
        [
            order_document("o-1"),
            order_document("o-1"),  # the same
            order_document("o-1", status="SENT"),  # its status went on
            order_document("o-1", "51.00"),  # another content: a conflict
        ],
    )
    report = await imported(installation, programme, path)
    assert (report.counts.earned, report.counts.known, report.counts.points) == (1, 2, 50)
    assert [(refusal.line, refusal.external_id) for refusal in report.refusals] == [(4, "o-1")]
    assert report.refusals[0].reason.startswith("ORDER_CONFLICT")
    [row] = await order_rows(installation, programme)
    assert (row["status"], row["points"]) == ("SENT", 50)


async def test_an_order_that_was_submitted_before_is_known_or_decided_by_the_intake(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    await submit_order(installation, programme.id, order_document("o-1"), now=NOW)
    await submit_order(installation, programme.id, order_document("o-2", status="OPEN"), now=NOW)
    path = json_lines(tmp_path / "orders.jsonl", [order_document(f"o-{n}") for n in (1, 2, 3)])
    report = await imported(installation, programme, path)
    assert (report.counts.earned, report.counts.known, report.counts.points) == (2, 1, 100)
    assert await spendable(installation, programme) == 150


async def test_a_parked_order_earns_when_it_is_imported_again_after_its_customer_joined(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "orders.jsonl", [order_document("o-1"), order_document("o-2", customer_id="c-2")])
    assert (await imported(installation, programme, path)).counts.parked == 2
    assert (await imported(installation, programme, path)).counts.known == 2
    await join_member(installation, programme)
    report = await imported(installation, programme, path)
    assert (report.counts.earned, report.counts.known) == (1, 1)
    assert await spendable(installation, programme) == 50


async def test_a_voucher_on_an_imported_order_is_captured_once(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await member_with_points(installation, programme, 1_000)
    voucher = await redeem(installation, programme, 400)
    paid = order_document("o-1", "50.00", voucherCode=voucher.code)
    again = order_document("o-2", "50.00", voucherCode=voucher.code)
    path = json_lines(tmp_path / "orders.jsonl", [paid, again, order_document("o-3", "50.00")])
    report = await imported(installation, programme, path)
    assert [(refusal.line, refusal.external_id) for refusal in report.refusals] == [(2, "o-2")]
    assert report.refusals[0].reason.startswith("VOUCHER_NOT_USABLE")
    # 30.00 of o-1 were paid with money; what is spendable: 1,000 - 400 + 30 + 50
    assert (report.counts.earned, await spendable(installation, programme)) == (2, 680)


async def test_r11_an_order_that_goes_on_without_its_voucher_earns_for_the_rest_only(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    # The line with the code comes first and takes effect first, although only the other could be written at once.
    await member_with_points(installation, programme, 1_000)
    voucher = await redeem(installation, programme, 400)
    new = order_document("o-1", "50.00", status="NEW", voucherCode=voucher.code)
    path = json_lines(tmp_path / "orders.jsonl", [new, order_document("o-1", "50.00")])
    report = await imported(installation, programme, path)
    assert (report.refusals, report.counts.earned, report.counts.points) == ([], 1, 30)
    [row] = await order_rows(installation, programme)
    assert (row["redeemed_value"], await spendable(installation, programme)) == (2_000, 630)


async def test_of_an_order_that_has_not_earned_the_last_content_of_a_file_stays(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    other = await make_programme(installation)
    documents = [order_document("o-1", amount, status="OPEN") for amount in ("10.00", "20.00", "10.00")]
    documents.insert(1, order_document("o-2", "7.00", status="OPEN"))
    await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", documents))
    for document in documents:
        await submit_order(installation, other.id, document, now=NOW)
    rows = await order_rows(installation, programme)
    assert rows == await order_rows(installation, other)
    assert [row["total"] for row in rows] == [1_000, 700]


async def test_an_order_whose_voucher_was_captured_by_a_call_earns_for_the_rest_only(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await member_with_points(installation, programme, 1_000)
    voucher = await redeem(installation, programme, 400)
    await capture(installation, server(programme), Capture(voucher.code, "k-1", order="o-1"), now=NOW)
    report = await imported(
        installation, programme, json_lines(tmp_path / "orders.jsonl", [order_document("o-1")])
    )
    assert (report.counts.earned, report.counts.points) == (1, 30)


BAD: list[tuple[object, str, str, str]] = [  # what stands in the file; id, field and reason in the report
    (b"{", "", "", "is not JSON"),
    (b"\xff\xfe{}", "", "", "is not JSON"),
    (b'{"externalId": "o-\x00"}', "", "", "is not JSON"),
    (b"[" * 2_000, "", "", "is not JSON"),
    (b"[]", "", "order", "must be an object"),
    (b'"o-1"', "", "order", "must be an object"),
    (b"{}", "", "externalId", "is required"),
    (order_document("o-\x00"), "o-\\x00", "externalId", "control characters"),
    (b'{"externalId": "o-\\ud800"}', "", "", "is not JSON"),
    (order_document("o-" + "x" * 200), "o-" + "x" * 62, "externalId", "1 to 128 characters"),
    (order_document("o-1", "-5.00"), "o-1", "lines[0].amount", "must not be negative"),
    (order_document("o-1", "1.005"), "o-1", "lines[0].amount", "at most 2 decimal places"),
    (order_document("o-1", "99999999999.00"), "o-1", "lines[0].amount", "must be at most"),
    (order_document("o-1", 12.5), "o-1", "lines[0].amount", "floating-point"),  # type: ignore[arg-type]
    (order_document("o-1", lines=[]), "o-1", "lines", "at least one line"),
    (order_document("o-1", customer=None), "o-1", "customer", "is required"),
    (order_document("o-1", placedAt="2017-03-12 02:30:00"), "o-1", "placedAt", "must be an instant"),
    (order_document("o-1", currency="USD"), "o-1", "currency", "CURRENCY_MISMATCH"),
    (order_document("o-1", store="nowhere"), "o-1", "store", "UNKNOWN_STORE"),
    (order_document("o-1", voucherCode="XXXX-XXXX-XXXX"), "o-1", "", "VOUCHER_NOT_USABLE"),
    (order_document("o-1", colour="red"), "o-1", "colour", "is not a known field"),
]


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
async def test_a_bad_line_is_reported_and_the_others_are_taken(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, case: tuple[object, str, str, str]
) -> None:
    bad, external_id, field, reason = case
    await join_member(installation, programme)
    path = json_lines(tmp_path / "orders.jsonl", [order_document("good-1"), bad, b"", order_document("good-2")])
    report = await imported(installation, programme, path)
    assert (report.counts.earned, report.refused) == (2, 1)
    [refusal] = report.refusals
    assert (refusal.line, refusal.external_id, refusal.field) == (2, external_id, field)
    assert reason in refusal.reason
    assert [row["external_id"] for row in await order_rows(installation, programme)] == ["good-1", "good-2"]


async def test_only_the_first_refusals_are_kept_and_all_are_counted(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(import_runs, "REFUSALS_KEPT", small_chunks + 1)
    report = await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", [b"x"] * 20))
    assert [refusal.line for refusal in report.refusals] == [1, 2, 3, 4, 5]
    assert report.refused == 20


async def test_a_refused_order_is_taken_when_the_file_is_imported_again_after_its_cause_is_gone(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await join_member(installation, programme)
    path = json_lines(tmp_path / "orders.jsonl", [order_document("o-1", store="s-1"), order_document("o-2")])
    assert (await imported(installation, programme, path)).refusals == [
        Refusal(1, "o-1", "store", "UNKNOWN_STORE: The programme has no store 's-1'.")
    ]
    await add_store(installation, programme.id, NewStore("s-1", "Main street"), now=NOW)
    report = await imported(installation, programme, path)
    assert (report.counts.earned, report.counts.known, report.refused) == (1, 1, 0)


async def test_a_damaged_file_is_imported_as_far_as_it_can_be_read(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    await members(installation, programme)
    path = json_lines(tmp_path / "orders.jsonl.gz", orders(1_000))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(errors.InvalidInput, match="damaged behind line"):
        await imported(installation, programme, path)
    assert len(await order_rows(installation, programme)) >= small_chunks


async def test_earning_stopped_records_and_earns_nothing(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    report = await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", orders(3)))
    assert (report.counts.earned, report.counts.points) == (3, 0)


async def test_nothing_is_imported_into_a_programme_that_is_not_open(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    call = imported(installation, programme, json_lines(tmp_path / "orders.jsonl", orders(3)))
    await refused(call, errors.ProgrammeNotOpen, installation.db, programme)


async def test_settings_that_come_into_force_meanwhile_count_for_what_is_posted_from_then_on(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    # R4, R6: the second chunk was read under the old version and is posted under the new one
    await members(installation, programme, 1)
    double = ProgrammeSettings.from_document({"revenuePerPoint": "0.50", "qualifyingStatuses": ["PAID"]}, "EUR")
    await change_settings(installation, programme.id, double, effective_from=NOW + DAY, now=NOW)
    instants = [NOW]

    def switch(_reached: Progress) -> None:
        instants[0] = NOW + 2 * DAY

    path = json_lines(tmp_path / "orders.jsonl", [order_document(f"o-{n}") for n in range(2 * small_chunks)])
    await imported(installation, programme, path, clock=lambda: instants[0], progress=switch)
    rows = await order_rows(installation, programme)
    assert [(row["settings_version"], row["points"]) for row in rows] == [(1, 50)] * 4 + [(2, 100)] * 4


async def test_a_clock_ahead_of_the_database_stops_the_import(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation, sandbox=False)
    await join_member(installation, programme)
    path = json_lines(tmp_path / "orders.jsonl", [order_document("o-1")])
    with pytest.raises(errors.ClockAhead):
        await imported(installation, programme, path, clock=lambda: NOW + timedelta(days=365_000))
    assert await order_rows(installation, programme) == []


async def test_processes_of_the_pool_read_the_same_and_are_gone_afterwards(
    installation: Installation, tmp_path: Path, small_chunks: int
) -> None:
    programme, other = await with_stores(installation), await with_stores(installation)
    path = json_lines(tmp_path / "orders.jsonl", [*VARIED, b"{", *orders(4 * small_chunks, 2, first=20)])
    alone = await imported(installation, other, path)
    before = children(os.getpid())
    report = await imported(installation, programme, path, processes=2)
    assert report == alone
    assert await entries(installation, programme) == await entries(installation, other)
    assert children(os.getpid()) == before


async def test_progress_ends_at_the_end_of_the_file(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, small_chunks: int
) -> None:
    reached: list[Progress] = []
    path = json_lines(tmp_path / "orders.jsonl", orders(2 * small_chunks + 1))
    await imported(installation, programme, path, progress=reached.append)
    assert [step.line for step in reached] == [4, 8, 9]
    assert reached[-1].offset == reached[-1].size == path.stat().st_size
