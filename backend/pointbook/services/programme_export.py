"""All that a programme holds, as JSON Lines: one consistent picture, read in one transaction.

Each line has its ``type``. Names are those of the API: camelCase, amounts as decimal texts in the currency's main
unit, points as whole numbers, instants in UTC; accounts, holds and entries by their public ids. What a shop
reported stands in ``document``, as it would be reported (`pointbook import orders` takes it). The first line says
what the file is, the last how many lines it has, so that a file that broke off is known.

What is left out says nothing of the merchant's business: secrets and digests of secrets, answers kept to be
repeated, messages on their way, jobs and their results, how far imports have come.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from pointbook.db.session import Connection
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_kinds import KINDS
from pointbook.services.export_shapes import Kind, line_of, written
from pointbook.services.installation import Installation

FORMAT: Final = 1
"""Of the lines; a change that a reader would stumble over is another."""
_AT_ONCE: Final = 1_000


async def export_programme(
    installation: Installation, programme: ProgrammeSnapshot, *, now: datetime
) -> AsyncIterator[bytes]:
    """The lines of a programme, each ending in a line break. Whoever reads them may take their time.

    Writes wait for nothing meanwhile.
    """
    yield written({"type": "export", "format": FORMAT, "programme": programme.slug, "exportedAt": now})
    lines = 1
    async with (
        installation.db.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("set local idle_in_transaction_session_timeout = 0")
        await connection.execute("select set_config('app.programme', $1, true)", str(programme.id))
        for kind in KINDS:
            async for line in _lines(connection, programme, kind):
                lines += 1
                yield line
    yield written({"type": "end", "lines": lines + 1})


async def _lines(connection: Connection, programme: ProgrammeSnapshot, kind: Kind) -> AsyncIterator[bytes]:
    async for row in connection.cursor(kind.statement, programme.id, prefetch=_AT_ONCE):
        yield written(line_of(kind, row, programme))
