"""Drives a server with prepared HTTP requests over kept-alive connections, and measures it from outside.

The client is as plain as can be, because it shares the machine with the servers: it writes bytes and reads
bodies by their Content-Length.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Round:
    """What a round of requests cost. ``server_cpu`` is of the API process alone, in seconds, without PostgreSQL's.

    Bodies stand in the order of the requests.
    """

    seconds: float = 0.0
    server_cpu: float = 0.0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.bodies)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_request(self) -> float:
        """Microseconds."""
        return self.server_cpu / self.requests * 1e6


def request(path: str, body: bytes, *, token: str, key: str) -> bytes:
    """The bytes of an HTTP/1.1 request with a JSON body, of a customer on a page."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nAuthorization: Bearer {token}\r\nPointbook-Key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def drive(port: int, pid: int, requests: Sequence[bytes], connections: int) -> Round:
    """Send every request once, ``connections`` at a time. Raises AssertionError on any status but 200."""
    result = Round(bodies=[b""] * len(requests))
    queue = iter(enumerate(requests))

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, content in queue:
            writer.write(content)
            result.bodies[number] = await _read_body(reader)
        writer.close()
        await writer.wait_closed()

    cpu, begun = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(connections)))
    result.seconds, result.server_cpu = time.perf_counter() - begun, cpu_seconds(pid) - cpu
    return result


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    start = lower.index(b"content-length:") + 15
    body = await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
    assert head.startswith(b"HTTP/1.1 200 "), (head, body[:500])
    return body


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, user and system, without its children."""
    return sum(_stat(pid)[11:13]) / _TICK


def cpu_seconds_of_all(pid: int) -> float:
    """CPU time of a process and of everything it has started, whether it is still there or not."""
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    total, ours = 0, {pid}
    for process in sorted(stats):  # whoever started a process has a smaller number, until numbers begin anew
        if process in ours or stats[process][1] in ours:
            ours.add(process)
            total += sum(stats[process][11:15])
    return total / _TICK


def _stat(pid: int) -> list[int]:
    """The fields of /proc/PID/stat behind the name, numbers only: 1 is the parent, 11 to 14 are CPU times."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # read in the measured loop
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * 15
    return [int(field) if field.isdigit() else 0 for field in fields[:15]]
