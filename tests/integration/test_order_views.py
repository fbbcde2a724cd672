"""The lists of orders and returns are read from indexes, however many there are."""

import asyncpg
import pytest

from pointbook.db.queries import order_views
from pointbook.services.directory import ProgrammeSnapshot

_NO_PLACE = {"$2": "null", "$3": "null", "$4": "21"}
LISTS = [
    (order_views._ORDERS + order_views._BEFORE, "sales_order_programme_id_placed_at_external_id_idx"),
    (
        f"{order_views._ORDERS}{order_views._BEFORE} and {order_views.STATES['CANCELLED']}",
        "sales_order_returned_idx",
    ),
    (order_views._WAITING, "return_document_waiting_idx"),
]


@pytest.mark.parametrize(("statement", "index"), LISTS, ids=lambda value: value.split("_")[0])
async def test_a_page_is_read_from_an_index_in_its_order(
    programme: ProgrammeSnapshot, admin: "asyncpg.Connection[asyncpg.Record]", statement: str, index: str
) -> None:
    if "order by" not in statement:
        statement += " order by known.placed_at desc, known.external_id desc limit $4"
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute(
        "insert into sales_order (programme_id, external_id, type, status, placed_at, currency, document,"
        " fingerprint, state, total, reported_at, returned)"
        f" select {programme.id}, n::text, 'SALE', 'X', now() - n * interval '1 minute', 'EUR', '', '',"
        " 'RECEIVED', 1, now(), case n % 500 when 0 then 'CANCELLED' else 'NONE' end"
        " from generate_series(1, 5000) as n"
    )
    await admin.execute(
        "insert into return_document (programme_id, external_id, order_external_id, type, currency, document,"
        " fingerprint, state, reported_at)"
        f" select {programme.id}, n::text, n::text, 'RETURN', 'EUR', '{{}}', '', 'PARKED', now()"
        " from generate_series(1, 5000) as n"
    )
    await admin.execute("analyze sales_order, return_document")
    await admin.execute("set local role pointbook_app")
    await admin.fetch("select set_config('app.programme', $1, true)", str(programme.id))
    for place, argument in {"$1": str(programme.id), **_NO_PLACE, "$5": "null"}.items():
        statement = statement.replace(place, argument)
    plan = [row[0] for row in await admin.fetch(f"explain (costs off) {statement}")]
    await transaction.rollback()
    assert any(index in line for line in plan), "\n".join(plan)
    assert not any("Sort" in line for line in plan), "\n".join(plan)
