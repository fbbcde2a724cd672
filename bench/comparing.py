"""Alternating rounds of two servers, and what they come to."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.load import Round, drive, request
from bench.scene import Member, Scene, Served
from pointbook.graphql.trusted import document_id

CONNECTIONS = 4
GRAPHQL = "/graphql"

Asked = Sequence[tuple[Member, bytes]]


def document_of(path: Path) -> str:
    """The id of a trusted document."""
    return document_id(path.read_text(encoding="utf-8").strip())


class Contest:
    """Pointbook and the handler written by hand, round by round; a first, short one warms both up."""

    def __init__(self, scene: Scene, pointbook: Served, raw: Served) -> None:
        self._scene = scene
        self._pointbook = pointbook
        self._raw = raw
        self._rounds: list[tuple[Round, Round]] = []

    async def round(self, raw_path: str, asked: Asked, of_raw: Asked | None = None) -> tuple[Round, Round]:
        """The same requests to both, or ``of_raw`` to the handler; the bodies of both in their order."""
        key = self._scene.publishable_key
        ours = [request(GRAPHQL, body, token=member.token, key=key) for member, body in asked]
        theirs = [request(raw_path, body, token=member.token, key=key) for member, body in of_raw or asked]
        result = (
            await drive(self._pointbook.port, self._pointbook.pid, ours, CONNECTIONS),
            await drive(self._raw.port, self._raw.pid, theirs, CONNECTIONS),
        )
        self._rounds.append(result)
        print(f"  {_figures('pointbook', result[0])}   {_figures('raw', result[1])}", flush=True)
        return result

    def tell(self) -> None:
        """Medians over the rounds, the first left out."""
        counted = self._rounds[1:]
        cpu = median(theirs.cpu_per_request / ours.cpu_per_request for ours, theirs in counted)
        speed = median(ours.per_second / theirs.per_second for ours, theirs in counted)
        print(f"to raw: {cpu:.2f} by CPU of the API process, {speed:.2f} by requests per second")


def _figures(name: str, round_: Round) -> str:
    return f"{name} {round_.cpu_per_request:7.0f} µs CPU, {round_.per_second:6.0f}/s"
