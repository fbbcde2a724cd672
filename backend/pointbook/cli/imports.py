"""``pointbook import``: orders, members, balances, adjustments, stores, with a bar and a report."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pointbook.cli.output import console, errors, table
from pointbook.cli.programmes import Slug
from pointbook.cli.running import now, programme_of, run
from pointbook.services.adjustment_import import import_adjustments
from pointbook.services.balance_import import import_balances
from pointbook.services.import_files import Refusal
from pointbook.services.import_reports import ImportReport
from pointbook.services.import_reports import Progress as Reached
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.order_import import import_orders
from pointbook.services.store_import import import_stores

importing = typer.Typer(help="Import files, JSON Lines or CSV, plain or gzip.", no_args_is_help=True)

_SHOWN = 20
_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
_Refused = Annotated[
    Path | None,
    typer.Option(
        "--refused", help="Write there which lines were refused, and why, as JSON Lines.", dir_okay=False
    ),
]
_Show = Callable[[Reached], None]
_Clock = Callable[[], datetime]
"""The programme's."""


@importing.command("orders")
def orders(file: _File, slug: Slug = None, refused: _Refused = None) -> None:
    """Import orders. Begun again after a break it has the same effect as once; 1 if it refused lines."""

    async def call(installation: Installation, programme_id: int, clock: _Clock, show: _Show) -> ImportReport[Any]:
        return await import_orders(installation, programme_id, file, clock=clock, progress=show)

    _import("Orders", file, slug, call, refused)


@importing.command("members")
def members(file: _File, slug: Slug = None, refused: _Refused = None) -> None:
    """Import members. Begun again after a break it has the same effect as once; 1 if it refused lines."""

    async def call(installation: Installation, programme_id: int, clock: _Clock, show: _Show) -> ImportReport[Any]:
        return await import_members(installation, programme_id, file, clock=clock, progress=show)

    _import("Members", file, slug, call, refused)


@importing.command("balances")
def balances(
    file: _File,
    slug: Slug = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would come of it.")] = False,  # noqa: FBT002
    refused: _Refused = None,
) -> None:
    """Import members' points, lot by lot. Begun again it has the same effect as once; 1 if it refused lines."""

    async def call(installation: Installation, programme_id: int, clock: _Clock, show: _Show) -> ImportReport[Any]:
        return await import_balances(installation, programme_id, file, dry_run=dry_run, clock=clock, progress=show)

    _import("Balances that would be credited" if dry_run else "Balances", file, slug, call, refused)


@importing.command("adjustments")
def adjustments(
    file: _File,
    slug: Slug = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would come of it.")] = False,  # noqa: FBT002
    refused: _Refused = None,
) -> None:
    """Give and take members' points. Begun again it has the same effect as once; 1 if it refused lines."""

    async def call(installation: Installation, programme_id: int, clock: _Clock, show: _Show) -> ImportReport[Any]:
        return await import_adjustments(
            installation, programme_id, file, dry_run=dry_run, clock=clock, progress=show
        )

    _import("Adjustments that would be made" if dry_run else "Adjustments", file, slug, call, refused)


@importing.command("stores")
def stores(file: _File, slug: Slug = None, refused: _Refused = None) -> None:
    """Import stores; one that is known gets the name and time zone of the file. 1 if it refused lines."""

    async def call(installation: Installation, programme_id: int, clock: _Clock, show: _Show) -> ImportReport[Any]:
        return await import_stores(installation, programme_id, file, clock=clock, progress=show)

    _import("Stores", file, slug, call, refused)


def _import(
    what: str,
    file: Path,
    slug: str | None,
    use_case: Callable[[Installation, int, _Clock, _Show], Awaitable[ImportReport[Any]]],
    refused: Path | None,
) -> None:
    async def call(installation: Installation) -> ImportReport[Any]:
        found = await programme_of(installation, slug)
        with _bar() as bar:
            task = bar.add_task(file.name, total=None, lines=0)

            def show(reached: Reached) -> None:
                bar.update(task, completed=reached.offset, total=reached.size, lines=reached.line)

            return await use_case(installation, found.id, lambda: found.now(now()), show)

    report = run(call, patient=True)
    if refused is not None:
        refused.write_bytes(b"".join(orjson.dumps(_written(one)) + b"\n" for one in report.refusals))
    _tell(what, report, refused)
    if report.refused:
        raise typer.Exit(1)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    )


def _written(one: Refusal) -> dict[str, Any]:
    return {"line": one.line, "externalId": one.external_id, "field": one.field, "reason": one.reason}


def _tell(what: str, report: ImportReport[Any], kept: Path | None) -> None:
    if report.behind_line:
        console.print(f"Lines up to {report.behind_line:,} were imported before.")
    figures = [*report.counts.items(), ("refused", report.refused)]
    table(what, (name.replace("_", " ") for name, _ in figures), [[f"{figure:,}" for _, figure in figures]])
    if report.refused:
        rows = [(r.line, r.external_id, r.field, r.reason) for r in report.refusals[:_SHOWN]]
        table(f"Refused lines (the first {len(rows)})", ("line", "id", "field", "reason"), rows)
        where = "--refused FILE writes down" if kept is None else f"{kept} has"
        console.print(f"{where} the first {len(report.refusals):,} of them.", markup=False)
