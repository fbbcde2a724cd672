"""The account page over HTTP, as a ratio to a handler written by hand over the same function of the ledger.

Balance, points that expire soon, open redemptions and 20 entries of history: the document of the widgets, with a
publishable key and customers' tokens, against ``bench.raw``; alternating rounds, all bodies compared.
"""

from pathlib import Path

import orjson

from bench.comparing import Contest, document_of
from bench.scene import Scene, run

REQUESTS = 1_000
ROUNDS = 5
DOCUMENT = Path(__file__).parent.parent / "widgets" / "documents" / "account_page.graphql"


async def main(scene: Scene) -> None:
    body = orjson.dumps({"documentId": document_of(DOCUMENT)})
    members = [scene.members[n % len(scene.members)] for n in range(REQUESTS)]
    with scene.pointbook() as pointbook, scene.raw() as raw:
        contest = Contest(scene, pointbook, raw)
        for _ in range(ROUNDS):
            ours, theirs = await contest.round("/page", [(member, body) for member in members])
            for number, (mine, its) in enumerate(zip(ours.bodies, theirs.bodies, strict=True)):
                assert orjson.loads(mine)["data"] == orjson.loads(its)["data"], (number, mine, its)
        contest.tell()
    await scene.verify()


if __name__ == "__main__":
    run(main)
