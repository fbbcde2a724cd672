"""Redeeming over HTTP, as a ratio to a handler written by hand over the same function of the ledger.

Every request sets 10 points aside for a cart of its own: the mutation of the widgets, with a publishable key and
customers' tokens, against ``bench.raw``; alternating rounds, all bodies checked, the ledger verified afterwards.
"""

from itertools import count
from pathlib import Path
from typing import Any

import orjson

from bench.comparing import Contest, document_of
from bench.scene import Scene, run

REQUESTS = 1_000
ROUNDS = 5
POINTS = 10
DOCUMENT = Path(__file__).parent.parent / "widgets" / "documents" / "redeem_points.graphql"


async def main(scene: Scene) -> None:
    document, number = document_of(DOCUMENT), count()
    members = [scene.members[n % len(scene.members)] for n in range(REQUESTS)]
    codes: set[str] = set()
    with scene.pointbook() as pointbook, scene.raw() as raw:
        contest = Contest(scene, pointbook, raw)
        for _ in range(ROUNDS):
            pairs = [[(member, _mutation(document, next(number))) for member in members] for _ in range(2)]
            rounds = await contest.round("/redeem", *pairs)
            codes.update(_checked(body) for each in rounds for body in each.bodies)
        contest.tell()
    assert len(codes) == 2 * ROUNDS * REQUESTS, "every redemption has a code of its own"
    await scene.verify()


def _mutation(document: str, number: int) -> bytes:
    cart = {"id": f"cart-{number}", "total": "12.34", "currency": "EUR"}
    asked = {"mode": "PARTIAL", "points": POINTS, "cart": cart, "idempotencyKey": f"key-{number}"}
    return orjson.dumps({"documentId": document, "variables": {"input": asked}})


def _checked(body: bytes) -> str:
    """The code of the redemption, once it is seen that all else is as it must be."""
    answer: dict[str, Any] = orjson.loads(body)["data"]["redeemPoints"]
    assert answer["__typename"] == "RedeemPointsSuccess", answer
    redemption = answer["redemption"]
    paid = {"amount": "0.50", "currency": "EUR"}
    left = {"amount": "11.84", "currency": "EUR"}
    assert (redemption["points"], redemption["value"], redemption["remainingToPay"]) == (POINTS, paid, left), (
        answer
    )
    assert redemption["extensionsLeft"] == 10, answer  # noqa: PLR2004
    return str(redemption["voucherCode"])


if __name__ == "__main__":
    run(main)
