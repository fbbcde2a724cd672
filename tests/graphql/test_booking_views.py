"""What staff see of bookings: how each stands, every entry, and why."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pointbook.db.queries import booking_views
from pointbook.services.earning_rules import create_rule
from tests.http.fixtures import Shop
from tests.support import DAY, MINUTE, NOW, booking_document, join_member

BOOKING = """
query ($id: ID!, $first: Int! = 20, $after: String) { booking(externalId: $id) {
  externalId customerExternalId serviceId status statusAt startsAt endsAt participants bookedAt reportedAt store
  entryChannel outcome occurrence points availableFrom settingsVersion
  entries(first: $first, after: $after) {
    nodes {
      item { id kind points sourceType sourceId } occurrence customerExternalIds
      explanation { points rules(first: 3) { kind points label } }
    }
    pageInfo { hasNextPage endCursor }
  }
} }
"""
BOOKINGS = """
query ($first: Int! = 20, $after: String, $filter: BookingFilterInput) {
  bookings(first: $first, after: $after, filter: $filter) {
    nodes { externalId outcome points } pageInfo { hasNextPage endCursor }
  }
}
"""
SUBMIT = """
mutation ($bookings: [BookingInput!]!) { submitBookings(input: {bookings: $bookings}) {
  ... on SubmitBookingsSuccess { results { __typename
    ... on SubmitBookingSuccess { externalId outcome points }
    ... on UserError { code message }
  } } ... on UserError { code message }
} }
"""


async def submit(shop: Shop, *bookings: dict[str, Any]) -> list[Any]:
    results: list[Any] = (await shop.as_server(SUBMIT, bookings=list(bookings))).data["submitBookings"]["results"]
    return results


async def salon(shop: Shop) -> None:
    """25 points for a cut; c-1 has joined."""
    rule = {"kind": "SERVICE", "name": "internal", "labels": {"de": "Schnitt"}, "points": 25, "targets": ["cut"]}
    await create_rule(shop.installation, shop.programme.id, rule, now=NOW - MINUTE)
    await join_member(shop.installation, shop.programme)


async def listed(shop: Shop, **variables: Any) -> list[str]:
    answer = await shop.as_staff(BOOKINGS, **variables)
    return [node["externalId"] for node in answer.data["bookings"]["nodes"]]


async def test_a_booking_is_shown_with_every_entry_and_why(shop: Shop) -> None:
    await salon(shop)
    begins = NOW + DAY
    await submit(shop, booking_document(), booking_document(starts_at=begins, statusAt=NOW.isoformat()))
    booking = (await shop.as_staff(BOOKING, id="b-1")).data["booking"]
    told = booking.pop("entries")["nodes"]
    assert booking == {
        "externalId": "b-1",
        "customerExternalId": "c-1",
        "serviceId": "cut",
        "status": "BOOKED",
        "statusAt": "2026-03-01T09:00:00Z",
        "startsAt": "2026-03-02T09:00:00Z",
        "endsAt": "2026-03-02T10:00:00Z",
        "participants": 1,
        "bookedAt": "2026-03-01T09:00:00Z",
        "reportedAt": "2026-03-01T09:00:00Z",
        "store": None,
        "entryChannel": None,
        "outcome": "EARNED",
        "occurrence": 2,
        "points": 25,
        "availableFrom": "2026-03-02T13:00:00Z",
        "settingsVersion": 1,
    }
    assert [(it["item"]["kind"], it["item"]["points"], it["occurrence"]) for it in told] == [
        ("ACCRUAL", 25, 1),
        ("REVERSAL", -25, 1),
        ("ACCRUAL", 25, 2),
    ]
    why = {"points": 25, "rules": [{"kind": "SERVICE", "points": 25, "label": "Schnitt"}]}
    assert [it["explanation"] for it in told] == [why, None, why]
    assert {tuple(it["customerExternalIds"]) for it in told} == {("c-1",)}
    assert {(it["item"]["sourceType"], it["item"]["sourceId"]) for it in told} == {("booking", "b-1")}


async def test_entries_come_in_pages(shop: Shop) -> None:
    await salon(shop)
    for number in range(3):
        await submit(shop, booking_document(starts_at=NOW + number * DAY))
    found: list[Any] = []
    cursor = None
    for _ in range(3):
        page = (await shop.as_staff(BOOKING, id="b-1", first=2, after=cursor)).data["booking"]["entries"]
        found += [node["occurrence"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
    assert (found, page["pageInfo"]["hasNextPage"]) == ([1, 1, 2, 2, 3], False)


async def test_an_unknown_booking_is_null(shop: Shop) -> None:
    assert (await shop.as_staff(BOOKING, id="b-1")).data["booking"] is None


async def test_bookings_are_listed_the_latest_appointment_first_and_by_what_is_asked(shop: Shop) -> None:
    await salon(shop)
    await submit(
        shop,
        booking_document("b-1", NOW),
        booking_document("b-2", NOW + DAY, serviceId="shave"),
        booking_document("b-3", NOW + DAY, status="CANCELLED"),
        booking_document("b-4", NOW + 2 * DAY, customer_id="stranger"),
    )
    assert await listed(shop) == ["b-4", "b-3", "b-2", "b-1"]
    for asked, expected in (
        ({"status": "CANCELLED"}, ["b-3"]),
        ({"serviceId": "cut"}, ["b-4", "b-3", "b-1"]),
        ({"customerExternalId": "c-1"}, ["b-3", "b-2", "b-1"]),
        ({"customerExternalId": "stranger"}, ["b-4"]),
        ({"startsFrom": (NOW + DAY).isoformat()}, ["b-4", "b-3", "b-2"]),
        ({"startsTo": (NOW + DAY).isoformat()}, ["b-1"]),
        ({"serviceId": "cut", "status": "BOOKED", "startsTo": (NOW + DAY).isoformat()}, ["b-1"]),
        ({"serviceId": "massage"}, []),
    ):
        assert await listed(shop, filter=asked) == expected, asked


async def test_the_list_comes_in_pages(shop: Shop) -> None:
    await salon(shop)
    await submit(shop, *[booking_document(f"b-{number}", NOW + number // 2 * DAY) for number in range(5)])
    found: list[str] = []
    cursor, more = None, True
    while more:
        page = (await shop.as_staff(BOOKINGS, first=2, after=cursor)).data["bookings"]
        found += [node["externalId"] for node in page["nodes"]]
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert found == ["b-4", "b-3", "b-2", "b-1", "b-0"]


@pytest.mark.parametrize(
    ("variables", "field"),
    [({"first": 101}, "first"), ({"after": "x"}, "after"), ({"filter": {"serviceId": ""}}, "serviceId")],
)
async def test_what_cannot_be_asked_is_refused(shop: Shop, variables: dict[str, Any], field: str) -> None:
    answer = await shop.as_staff(BOOKINGS, **variables)
    assert answer.json["errors"][0]["message"].startswith(f"{field}:"), answer.json


async def test_several_bookings_are_answered_in_their_sequence(shop: Shop) -> None:
    await salon(shop)
    results = await submit(shop, booking_document(), booking_document("b-2", participants=0))
    assert results[0] == {
        "__typename": "SubmitBookingSuccess",
        "externalId": "b-1",
        "outcome": "EARNED",
        "points": 25,
    }
    assert results[1]["message"].startswith("bookings[1].participants:")


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (booking_views.Filter(), "booking_programme_id_starts_at_external_id_idx"),
        (booking_views.Filter(service="7"), "booking_programme_id_service_id_starts_at_external_id_idx"),
        (booking_views.Filter(status="NO_SHOW"), "booking_status_idx"),
    ],
    ids=["all", "service", "status"],
)
async def test_a_page_is_read_from_an_index_in_its_order(
    shop: Shop, admin: "asyncpg.Connection[asyncpg.Record]", asked: booking_views.Filter, index: str
) -> None:
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute(
        "insert into booking (programme_id, external_id, service_id, starts_at, ends_at, participants, status,"
        " booked_at, state, occurrence, reported_at)"
        f" select {shop.programme.id}, n::text, (n % 500)::text, now() - n * interval '1 minute', now(), 1,"
        " case n % 500 when 1 then 'NO_SHOW' else 'CANCELLED' end, now(), 'VOID', 0, now()"
        " from generate_series(1, 5000) as n"
    )
    await admin.execute("analyze booking, booking_occurrence")
    await admin.execute("set local role pointbook_app")
    await admin.fetch("select set_config('app.programme', $1, true)", str(shop.programme.id))
    plan: list[str] = []

    class Explained:
        async def fetch(self, statement: str, *arguments: object) -> list[Any]:
            for number, argument in reversed(list(enumerate(arguments, 1))):
                text = f"'{argument}'" if isinstance(argument, str) else str(argument)
                statement = statement.replace(f"${number}", text)
            plan.extend(row[0] for row in await admin.fetch(f"explain (costs off) {statement}"))
            return []

    connection: Any = Explained()
    await booking_views.list_bookings(connection, shop.programme.id, asked, before=None, most=21)
    await transaction.rollback()
    assert any(index in line for line in plan), "\n".join(plan)
    assert not any("Sort" in line for line in plan), "\n".join(plan)


async def test_a_report_that_says_when_is_not_of_the_future(shop: Shop) -> None:
    await salon(shop)
    [answer] = await submit(shop, booking_document(statusAt=(NOW + timedelta(hours=1)).isoformat()))
    assert answer["message"] == "bookings[0].statusAt: must not be in the future"
