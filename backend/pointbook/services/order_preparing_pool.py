"""Processes that read orders for an import, each fed through a pipe: reading takes most of an import's time.

They end when their pipe does, so also when the process that started them is killed. What passes is pickled, from
this module to itself.
"""

import asyncio
import contextlib
import pickle
import signal
import sys
from collections.abc import AsyncIterator
from struct import Struct
from typing import BinaryIO, Final

from pointbook.services.import_files import Record
from pointbook.services.order_preparing import PreparedChunk, prepare_packed

_SIZE: Final = Struct(">Q")


class PreparingPool:
    """Runs ``prepare_packed`` in other processes; calls beyond their number wait for a free one."""

    def __init__(self, processes: list[asyncio.subprocess.Process]) -> None:
        self._free: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        for process in processes:
            self._free.put_nowait(process)

    async def prepare(self, records: list[Record], packed: bytes) -> PreparedChunk:
        process = await self._free.get()
        assert process.stdin is not None, "it was started with pipes"
        assert process.stdout is not None, "it was started with pipes"
        process.stdin.writelines(_frame((records, packed)))
        await process.stdin.drain()
        (size,) = _SIZE.unpack(await process.stdout.readexactly(_SIZE.size))
        prepared = pickle.loads(await process.stdout.readexactly(size))  # noqa: S301  # from a process of ours
        self._free.put_nowait(process)
        assert isinstance(prepared, PreparedChunk), "the answer of prepare"
        return prepared


@contextlib.asynccontextmanager
async def preparing_pool(count: int) -> AsyncIterator[PreparingPool]:
    """Processes for the time of the block. What goes wrong in one of them breaks the pipe: IncompleteReadError."""
    processes = [await _start() for _ in range(count)]
    try:
        yield PreparingPool(processes)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # it has nothing that could be lost
            await process.communicate()


async def _start() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", __name__, stdin=pipe, stdout=pipe)


def _frame(content: object) -> tuple[bytes, bytes]:
    pickled = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    return _SIZE.pack(len(pickled)), pickled


def main() -> None:
    """Answer frame by frame until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(_SIZE.size):
        _answer(source.read(*_SIZE.unpack(size)), target)


def _answer(pickled: bytes, target: BinaryIO) -> None:
    target.writelines(_frame(prepare_packed(*pickle.loads(pickled))))  # noqa: S301  # from whoever started this
    target.flush()


if __name__ == "__main__":
    main()
