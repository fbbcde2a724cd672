"""``pointbook export``: all that a programme holds, as JSON Lines."""

import gzip
import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pointbook.cli.output import errors
from pointbook.cli.programmes import Slug
from pointbook.cli.running import CommandError, now, programme_of, run
from pointbook.services.installation import Installation
from pointbook.services.programme_export import export_programme

_STANDARD_OUTPUT = Path("-")


def export(
    file: Annotated[Path, typer.Argument(help="JSON Lines; packed with a name like all.jsonl.gz; - for output.")],
    slug: Slug = None,
) -> None:
    """Write all that a programme holds to a file that nobody else may read: members, ledger, orders, rules."""
    if file == _STANDARD_OUTPUT:
        run(lambda installation: _write(installation, slug, sys.stdout.buffer), patient=True)
        return
    if file.exists():
        raise CommandError(f"{file} exists: name a new file.")
    half = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as plain, _packed(plain, file) as out:
            lines = run(lambda installation: _write(installation, slug, out), patient=True)
        half.rename(file)
    finally:
        half.unlink(missing_ok=True)
    errors.print(f"{file}: {lines:,} lines, {file.stat().st_size:,} bytes.")


def _packed(plain: BinaryIO, file: Path) -> BinaryIO:
    if file.suffix != ".gz":
        return plain
    packed: BinaryIO = gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=6)  # type: ignore[assignment]
    return packed


async def _write(installation: Installation, slug: str | None, out: BinaryIO) -> int:
    programme, lines = await programme_of(installation, slug), 0
    async for line in export_programme(installation, programme, now=programme.now(now())):
        out.write(line)
        lines += 1
    return lines
