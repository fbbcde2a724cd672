"""CSV is another spelling of the same orders."""

from pathlib import Path
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.stores import NewStore, add_store
from tests.imports.files import entries, imported, json_lines, members, order_rows
from tests.support import NOW, make_programme, order_document

HEADING = (
    "externalId,type,status,placedAt,currency,store,customer.externalId,customer.email,customer.emailVerified,"
    "discount,deliveryFee,line.id,line.articleId,line.quantity,line.amount,line.discount,line.earns,"
    "line.productGroupIds\n"
)
ROWS = (
    "o-1,SALE,PAID,2026-03-01T08:00:00Z,EUR,s-1,c-1,,,2.00,3.90,1,tea,2,10.00,1.00,,drinks|hot\n"
    'o-1,SALE,PAID,2026-03-01T08:00:00Z,EUR,s-1,c-1,,,2.00,3.90,2,"cup, ""blue""",0.5,20.00,,false,\n'
    "o-2,SALE,OPEN,2026-03-01T08:00:00Z,EUR,,c-2,Ann@example.org,TRUE,,,1,tea,1,5.00,,true,\n"
)
DOCUMENTS: list[dict[str, Any]] = [
    order_document(
        "o-1",
        store="s-1",
        discounts=[{"amount": "2.00"}],
        deliveryFee="3.90",
        lines=[
            {
                "id": "1",
                "articleId": "tea",
                "quantity": 2,
                "amount": "10.00",
                "discounts": [{"amount": "1.00"}],
                "productGroupIds": ["drinks", "hot"],
            },
            {"id": "2", "articleId": 'cup, "blue"', "quantity": "0.5", "amount": "20.00", "earns": False},
        ],
    ),
    order_document(
        "o-2",
        "5.00",
        status="OPEN",
        customer={"externalId": "c-2", "email": "Ann@example.org", "emailVerified": True},
    ),
]


def csv(folder: Path, content: str) -> Path:
    path = folder / "orders.csv"
    path.write_text(content)
    return path


async def with_store(installation: Installation) -> ProgrammeSnapshot:
    programme = await make_programme(installation)
    await add_store(installation, programme.id, NewStore("s-1", "Main street"), now=NOW)
    await members(installation, programme, 1)
    return programme


@pytest.mark.parametrize("separator", [",", ";"])
async def test_csv_has_the_effect_of_the_same_documents(
    installation: Installation, tmp_path: Path, separator: str
) -> None:
    programme, other = await with_store(installation), await with_store(installation)
    content = HEADING + ROWS.replace('"cup, ""blue"""', "CUP")
    content = content.replace(",", separator).replace("CUP", '"cup, ""blue"""')
    report = await imported(installation, programme, csv(tmp_path, content))
    alike = await imported(installation, other, json_lines(tmp_path / "orders.jsonl", DOCUMENTS))
    assert report.refusals == alike.refusals == []
    assert report.counts == alike.counts
    assert await order_rows(installation, programme) == await order_rows(installation, other)
    assert await entries(installation, programme) == await entries(installation, other)


BAD = [  # instead of the second row; field and reason in the report
    ("o-1,SALE,PAID\n", "", "a row has 3 fields, the heading has 18 columns"),
    (ROWS.splitlines(keepends=True)[1].replace('"cup', "cup", 1).replace("blue", '"blue'), "", "a row has"),
    (ROWS.splitlines(keepends=True)[1].replace('""",0.5', "0.5"), "", "quotes of a row do not close"),
    (ROWS.splitlines(keepends=True)[1].replace("s-1", "s-2"), "store", "differs between the rows of the order"),
    (ROWS.splitlines(keepends=True)[1].replace(",2,", ",1,"), "lines[1].id", "is the id of another line too"),
    (ROWS.splitlines(keepends=True)[1].replace("false", "no"), "lines[1].earns", "must be true or false"),
    (ROWS.splitlines(keepends=True)[1].replace("20.00", "20,00 €"), "", "a row has 19 fields"),
    (ROWS.splitlines(keepends=True)[1].replace(",0.5,", ",,"), "lines[1].quantity", "is required"),
]


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
async def test_a_bad_row_costs_its_order_only(
    installation: Installation, tmp_path: Path, case: tuple[str, str, str]
) -> None:
    bad, field, reason = case
    programme = await with_store(installation)
    first, _, last = ROWS.splitlines(keepends=True)
    report = await imported(installation, programme, csv(tmp_path, HEADING + first + bad + last))
    assert [
        row["external_id"] for row in await order_rows(installation, programme) if row["status"] == "OPEN"
    ] == ["o-2"]
    [refusal] = report.refusals
    assert (refusal.line in (2, 3), refusal.field) == (True, field)
    assert reason in refusal.reason


async def test_rows_of_an_order_that_stand_apart_are_refused_and_not_two_orders(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await with_store(installation)
    first, second, last = ROWS.splitlines(keepends=True)
    report = await imported(installation, programme, csv(tmp_path, HEADING + first + last + second))
    assert [(refusal.line, refusal.reason) for refusal in report.refusals] == [
        (4, "o-1 began at line 2: its rows must stand together")
    ]


@pytest.mark.parametrize("heading", ["externalId,colour\n", "status,currency\n", "externalId,line.color\n"])
async def test_a_heading_with_a_column_that_is_not_known_is_refused_whole(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, heading: str
) -> None:
    with pytest.raises(errors.InvalidInput, match="heading"):
        await imported(installation, programme, csv(tmp_path, heading))
