"""What reading and reckoning an order of ten lines costs on one core: python bench/domain.py [orders].

Best of several rounds; every order differs, so that no cache flatters more than it would in an import.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from pointbook.domain.earning import engine_of
from pointbook.domain.orders import OrderDocument, parse_order
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.redemption import ValuedPoints, redeem
from pointbook.domain.rules import Occasion

LINES = 10
ROUNDS = 7


def document(number: int) -> dict[str, Any]:
    """A plausible order; prices and quantities repeat as they do in a shop."""
    lines = [
        {
            "id": str(i + 1),
            "articleId": f"A-{(number * 7 + i * 13) % 5000}",
            "productGroupIds": ["department/grocery", f"category/{i}"],
            "quantity": 1 + i % 3,
            "amount": f"{(number * 31 + i * 17) % 90}.{(number + i) % 100:02d}",
            "unitPrice": f"{(number * 31 + i) % 30}.99",
            **({"discounts": [{"amount": "0.50"}]} if i % 4 == 0 else {}),
        }
        for i in range(LINES)
    ]
    return {
        "externalId": f"O-{number}",
        "type": "SALE",
        "status": "goods booked out",
        "placedAt": f"2026-03-{1 + number % 28:02d}T10:{number % 60:02d}:00Z",
        "currency": "EUR",
        "store": str(number % 400),
        "entryChannel": "till",
        "exitChannel": "counter",
        "customer": {"externalId": str(number % 2500)},
        "lines": lines,
    }


def best(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU a time, in the fastest round."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return min(once() for _ in range(ROUNDS)) / times * 1e6


def consume(results: Iterable[object]) -> None:
    for _ in results:
        pass


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    documents = [document(number) for number in range(count)]
    orders: list[OrderDocument] = [parse_order(raw, "EUR") for raw in documents]
    contents = [json.loads(order.content.to_json()) for order in orders]
    settings = ProgrammeSettings.from_document({}, "EUR")
    gross, net = engine_of(settings), engine_of(settings.changed({"netBasis": True}, "EUR"))
    day = Occasion(date(2026, 3, 1))
    lots = [ValuedPoints(100, Decimal(5)), ValuedPoints(400, Decimal("4.5")), ValuedPoints(1000, Decimal("0.25"))]
    figures = {
        "parse_order": best(lambda: consume(parse_order(raw, "EUR") for raw in documents), count),
        "evaluate": best(lambda: consume(gross.evaluate(order.content, day) for order in orders), count),
        "evaluate, line by line": best(
            lambda: consume(net.evaluate(order.content, day) for order in orders), count
        ),
        "stored": best(lambda: consume(order.stored() for order in orders), count),
        "from_stored": best(lambda: consume(type(orders[0].content).from_stored(c) for c in contents), count),
        "redeem in full from 3 lots": best(lambda: consume(redeem(lots, None, n) for n in range(100, 1100)), 1000),
    }
    for name, figure in figures.items():
        print(f"{figure:8.1f} µs  {name}")


if __name__ == "__main__":
    main()
