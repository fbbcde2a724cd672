"""A dump holds every programme's rows and brings them back: the commands of the operations page, as they stand."""

import os
import re
import secrets
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from pointbook.db.session import Database
from pointbook.embedded.programs import find_postgres
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from tests.conftest import TestDatabase
from tests.house.files import ROOT
from tests.support import (
    NOW,
    SECRET,
    cart,
    everything,
    make_programme,
    member_with_points,
    order_document,
    redeem,
    spendable,
    violations,
)

_PAGE: Final = (ROOT / "backend" / "pointbook" / "docs" / "operations.md").read_text()
_PASSWORD: Final = "of-the-test"  # of a role that lives as long as a test


@pytest_asyncio.fixture
async def backup_url(admin: "asyncpg.Connection[asyncpg.Record]", database: TestDatabase) -> AsyncIterator[str]:
    """The run's database as the role for backups, made by the page's statement under a name of this test."""
    role = f"pointbook_backup_{secrets.token_hex(4)}"
    statement = _of_page("create role pointbook_backup ").replace("pointbook_backup", role)
    await admin.execute(statement.replace("'...'", f"'{_PASSWORD}'"))
    yield _changed(database.admin_url, login=f"{role}:{_PASSWORD}")
    await admin.execute(f"drop role {role}")


@pytest_asyncio.fixture
async def empty(
    admin: "asyncpg.Connection[asyncpg.Record]", database: TestDatabase
) -> AsyncIterator[TestDatabase]:
    """Another database beside the run's, as the page makes it."""
    name = f"pointbook_restored_{secrets.token_hex(4)}"
    await admin.execute(_of_page("create database pointbook ").replace("database pointbook", f"database {name}"))
    yield TestDatabase(*(_changed(url, name) for url in (database.url, database.owner_url, database.admin_url)))
    await admin.execute(f"drop database {name} with (force)")


async def test_what_was_dumped_is_there_again_and_goes_on(
    installation: Installation, backup_url: str, empty: TestDatabase, tmp_path: Path
) -> None:
    programmes = [await _shop_with_a_history(installation) for _ in range(2)]
    _run(_of_page("pg_dump --format"), tmp_path, BACKUP_URL=backup_url)
    _run(_of_page("pg_restore --exit"), tmp_path, POINTBOOK_OWNER_DATABASE_URL=empty.owner_url)

    restored = await Database.connect(empty.url)
    try:
        for programme in programmes:
            assert await everything(restored, programme) == await everything(installation.db, programme)
        assert await violations(restored) == []
        again = Installation.of(restored, SECRET)
        await redeem(again, programmes[0], 40, of=cart("cart-2"))
        assert [await spendable(again, programme) for programme in programmes] == [80, 120]
        assert await restored.pool.fetchval("select count(*) from ledger.lot") == 0, (
            "nobody has said which programme"
        )
    finally:
        await restored.close()


async def test_the_role_for_backups_reads_all_and_writes_nothing(
    installation: Installation, backup_url: str
) -> None:
    for _ in range(2):
        await make_programme(installation)
    connection = await asyncpg.connect(backup_url)
    assert await connection.fetchval("select count(*) from settings_version") == 2
    for statement in ("delete from settings_version", "update ledger.account set debt = 1", "create table t ()"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def _shop_with_a_history(installation: Installation) -> ProgrammeSnapshot:
    """150 points, 30 of them held."""
    programme = await make_programme(installation)
    await member_with_points(installation, programme, 100)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    await redeem(installation, programme, 30)
    return programme


def _of_page(beginning: str) -> str:
    """The one line of the operations page that begins so."""
    (line,) = re.findall(rf"^{re.escape(beginning)}.*$", _PAGE, re.MULTILINE)
    return str(line)


def _run(command: str, folder: Path, **environment: str) -> None:
    path = f"{find_postgres().folder}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _changed(url: str, database: str | None = None, *, login: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = parts.netloc if login is None else f"{login}@{parts.netloc.rpartition('@')[2]}"
    path = parts.path if database is None else f"/{database}"
    return urlunsplit((parts.scheme, netloc, path, parts.query, ""))
