"""Write two programmes for the year of supermarket baskets, one like preset ``loyalista``, one like ``sides``.

    python -m examples.complete_journey.configure build/complete_journey

reads ``stores.jsonl`` of that folder, as ``convert.py`` wrote it, and puts ``loyalista.json`` and ``sides.json``
beside it: whole configurations for ``pointbook programme import``. They are made and not kept, for they name all
457 stores, and rules choose among them.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from examples.complete_journey.convert import CURRENCY, STATUS, TIME_ZONE
from pointbook.domain.rules import inverted

EXTRAS: Final = {
    "PRODUCE": 1,
    "MEAT": 2,
    "DELI": 2,
    "PASTRY": 2,
    "NUTRITION": 3,
    "SEAFOOD": 5,
    "SEAFOOD-PCKGD": 3,
    "SALAD BAR": 3,
    "COSMETICS": 5,
    "FLORAL": 10,
}
"""Points per piece by department. FUEL and MISCELLANEOUS are sold in tiny units by the million: not per piece."""
BUSIEST: Final = ("367", "406", "343", "361", "381")
BANANAS: Final = "1082185"


def loyalista(stores: Iterable[str]) -> dict[str, Any]:
    """Points for revenue, one per order, extra points for some departments, after a waiting time."""
    return {
        **_head("Complete Journey, points for revenue", stores),
        "settings": {
            "revenuePerPoint": "1.00",
            "valuePerPoint": "0.01",
            "basePointsPerOrder": 1,
            "signUpPoints": 50,
            "waitingTime": {"days": 30},
            "expiry": {"days": 365},
            "holdExtensionsMax": 0,
            "qualifyingStatuses": [STATUS],
        },
        "rules": [
            _rule(
                f"extra-{department.lower().replace(' ', '-')}",
                "CATEGORY",
                f"Extra points for {department}",
                points=points,
                targets=[f"department/{department}"],
            )
            for department, points in EXTRAS.items()
        ],
    }


def sides(stores: Iterable[str]) -> dict[str, Any]:
    """No points but by rules: for the cart, articles and groups, by store, channel, day and period, with caps."""
    existing = tuple(sorted(stores))
    busiest = tuple(store for store in BUSIEST if store in existing)
    return {
        **_head("Complete Journey, points by rules", existing),
        "entryChannels": ["web shop", "app", "till"],
        "exitChannels": ["pick-up", "delivery", "counter"],
        "settings": {
            "earnsFromRevenue": False,
            "valuePerPoint": "0.01",
            "waitingTime": {"hours": 24},
            "expiry": {"days": 365},
            "qualifyingStatuses": [STATUS],
        },
        "rules": [
            _rule("cart", "CART", "A point per dollar", moneyPerPoint="1.00", caps={"perOrder": 300}),
            _rule("cart-busiest", "CART", "More in the busiest stores", moneyPerPoint="0.80", stores=busiest),
            _rule(
                "tuesday", "MULTIPLIER", "Double on Tuesday", factor="2", targets=["cart"], weekdays=["TUESDAY"]
            ),
            _rule("joining", "REGISTRATION", "For joining", points=50, availableAtOnce=True),
            _rule("app", "BASE", "Per order in the app", points=5, entryChannels=["app"]),
            _rule("bananas", "ARTICLE", "Bananas", points=3, targets=[BANANAS], caps={"perDay": 6}),
            _group("produce", 1, "department/PRODUCE", stores=inverted(busiest, existing)),
            _group("frozen-pizza", 4, "category/FROZEN PIZZA", weekdays=["FRIDAY", "SATURDAY"]),
            _group("coffee", 5, "category/COFFEE", exitChannels=["pick-up", "delivery"]),
            _group("meat", 2, "department/MEAT", weekdays=["SUNDAY"], holidays="ALL"),
            _group(
                "flowers", 10, "department/FLORAL", holidays=["Memorial Day", "Thanksgiving Day", "Christmas Day"]
            ),
            _group(
                "salad-bar",
                5,
                "department/SALAD BAR",
                caps={"perDay": 10, "perMember": {"points": 60, "period": "MONTH"}},
            ),
            _group(
                "summer-drinks",
                1,
                "category/SOFT DRINKS",
                stackGroup="season",
                validFrom="2017-06-01",
                validUntil="2017-08-31",
                expiry={"days": 90},
                availableAtOnce=True,
            ),
            _group(
                "delicatessen",
                3,
                "department/DELI",
                "department/CHEF SHOPPE",
                stackGroup="season",
                rounding="FLOOR",
            ),
            {**_group("baby-foods", 5, "category/BABY FOODS"), "state": "INACTIVE"},
        ],
    }


PROGRAMMES: Final = {"loyalista": loyalista, "sides": sides}


def loyalista_points(order: Mapping[str, Any]) -> int:
    """What an order document earns by ``loyalista``, reckoned here without Pointbook, to compare with it."""
    cents, points = 0, 1
    for line in order["lines"]:
        taken_off = sum(_cents(discount["amount"]) for discount in line.get("discounts", ()))
        cents += _cents(line["amount"]) - taken_off
        departments = [group.removeprefix("department/") for group in line.get("productGroupIds", ())]
        points += line["quantity"] * max((EXTRAS.get(department, 0) for department in departments), default=0)
    return points + (max(0, cents) + 50) // 100


def _cents(decimal: str) -> int:
    return int(decimal.replace(".", ""))


def write(folder: Path) -> None:
    """Raises FileNotFoundError without ``stores.jsonl``."""
    lines = (folder / "stores.jsonl").read_bytes().splitlines()
    stores = [orjson.loads(line)["storeId"] for line in lines]
    for name, configuration in PROGRAMMES.items():
        (folder / f"{name}.json").write_bytes(orjson.dumps(configuration(stores), option=orjson.OPT_INDENT_2))


def _head(name: str, stores: Iterable[str]) -> dict[str, Any]:
    """Every store has the holidays of the country; where in it a store stands, the data do not say."""
    holidays = {"country": "US"}
    return {
        "name": name,
        "currency": CURRENCY,
        "timeZone": TIME_ZONE,
        "holidays": holidays,
        "stores": [{"id": store, "name": f"Store {store}", "holidays": holidays} for store in stores],
    }


def _group(key: str, points: int, *targets: str, **fields: Any) -> dict[str, Any]:
    return _rule(key, "PRODUCT_GROUP", f"Points for {key}", points=points, targets=targets, **fields)


def _rule(key: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    rule: Mapping[str, Any] = {"kind": kind, "name": name, "labels": {"en": name}, **fields}
    return {"key": key, "rule": rule}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where stores.jsonl is, and where the configurations go")
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
