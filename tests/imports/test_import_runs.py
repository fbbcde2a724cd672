"""A chunk is written by one import at a time, and by none that comes later."""

import asyncio
from pathlib import Path

import pytest

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_files import ImportFile, Refusal
from pointbook.services.import_runs import ImportKind, ImportRun
from pointbook.services.installation import Installation
from tests.imports.files import json_lines, orders
from tests.support import NOW

REFUSAL = Refusal(3, "o-3", "store", "UNKNOWN_STORE")


async def begun(installation: Installation, programme: ProgrammeSnapshot, folder: Path) -> ImportRun:
    file = ImportFile.open(json_lines(folder / "orders.jsonl", orders(8)), key="externalId")
    run, lines_done = await ImportRun.begin(installation.db, programme.id, ImportKind.ORDERS, file, now=NOW)
    assert lines_done == 0
    return run


async def test_lines_that_are_done_are_not_claimed_again(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    run = await begun(installation, programme, tmp_path)
    await run.settle(installation.db, 4, [REFUSAL])
    await run.settle(installation.db, 4, [REFUSAL])  # by another import, later
    async with installation.db.bare_transaction(programme.id) as connection:
        assert await run.claim(connection, 4) is None
        assert await run.claim(connection, 8) is not None
    assert await run.finish(installation.db, now=NOW) == (1, [REFUSAL])


async def test_a_claim_waits_for_the_import_that_has_the_chunk(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    run = await begun(installation, programme, tmp_path)

    async def second() -> bool:
        async with installation.db.bare_transaction(programme.id) as connection:
            return await run.claim(connection, 4) is None

    async with installation.db.bare_transaction(programme.id) as connection:
        claim = await run.claim(connection, 4)
        assert claim is not None
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await claim.settle([])
    assert await waiting


async def test_a_claim_that_is_rolled_back_leaves_the_chunk_to_be_done(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    run = await begun(installation, programme, tmp_path)
    with pytest.raises(asyncio.CancelledError):
        async with installation.db.bare_transaction(programme.id) as connection:
            claim = await run.claim(connection, 4)
            assert claim is not None
            await claim.settle([REFUSAL])
            raise asyncio.CancelledError
    file = ImportFile.open(tmp_path / "orders.jsonl", key="externalId")
    assert await ImportRun.begin(installation.db, programme.id, ImportKind.ORDERS, file, now=NOW) == (run, 0)
