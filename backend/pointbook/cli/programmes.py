"""``pointbook programme``, ``settings``, ``store``: what a merchant sets up."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from pointbook.cli.output import console, itself, table
from pointbook.cli.running import CommandError, now, programme_of, run
from pointbook.domain.configuration import Configuration, read_configuration, write_configuration
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.presets import PRESETS
from pointbook.presets import preset as read_preset
from pointbook.services import programmes as services
from pointbook.services import sandbox_clocks, settings_versions, stores
from pointbook.services.configuration import create_programme_from, export_configuration, import_document
from pointbook.services.directory import ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.locales import change_locales

programme = typer.Typer(help="Programmes: one merchant's settings, rules and members.", no_args_is_help=True)
settings = typer.Typer(help="A programme's settings and their versions.", no_args_is_help=True)
store = typer.Typer(help="A programme's stores.", no_args_is_help=True)

_Named = Annotated[str, typer.Argument(metavar="SLUG")]
Slug = Annotated[str | None, typer.Option("--programme", "-p", help="Slug; may be left out if there is one only.")]


_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DIGITS_MAX: Final = 6


class _Switch(StrEnum):
    ON = "on"
    OFF = "off"


@programme.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="Its name in addresses and commands: a-z, 0-9, hyphen.")],
    *,
    name: Annotated[str | None, typer.Option(help="Its name for people; a preset has one.")] = None,
    preset: Annotated[str | None, typer.Option(help=f"Begin with one of: {', '.join(PRESETS)}.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217; EUR.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA time zone; Europe/Berlin.")] = None,
    locale: Annotated[list[str] | None, typer.Option(help="Language tag; may be repeated; en.")] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="JSON file of settings.", exists=True, dir_okay=False)
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Not open yet.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="For trying out: its clock can be moved on.")] = False,
) -> None:
    """Make a programme, with a preset's settings, stores, channels and rules or with settings alone.

    All of it is in force at once.
    """
    given = {"currency": currency, "timeZone": time_zone, "locales": locale, "settings": settings_file}
    configuration = _preset(preset, given) if preset else _own(name, given)
    state = ProgrammeState.DRAFT if draft else ProgrammeState.ACTIVE

    async def call(installation: Installation) -> None:
        made = await create_programme_from(
            installation, slug, configuration, name=name, sandbox=sandbox, state=state, now=now()
        )
        console.print(f"Programme {made.slug} is {made.state}. Next, a key for the shop's back end:")
        console.print(f'{itself()} key create secret --label "back end" --programme {made.slug}', soft_wrap=True)

    run(call)


def _preset(name: str, given: Mapping[str, object]) -> Configuration:
    for option, value in given.items():
        if value is not None:
            raise CommandError(
                f"A preset has its own {option}: export the programme, change the file and import it."
            )
    return read_preset(name)


def _own(name: str | None, given: Mapping[str, Any]) -> Configuration:
    if name is None:
        raise CommandError("A programme needs a --name, or a --preset that has one.")
    document = {"currency": "EUR", "timeZone": "Europe/Berlin", "locales": ["en"]}
    chosen = {key: value for key, value in given.items() if value is not None}
    if "settings" in chosen:
        chosen["settings"] = _json(chosen["settings"])
    return read_configuration({"name": name, **document, **chosen})


@programme.command("export")
def export(
    slug: _Named,
    file: Annotated[
        Path | None, typer.Argument(help="Where to; by default to the terminal.", dir_okay=False)
    ] = None,
) -> None:
    """Write a programme's whole configuration as JSON: settings, stores, channels, holidays, rules, catalogues."""

    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        configuration = await export_configuration(installation, found.id)
        written = orjson.dumps(write_configuration(configuration), option=orjson.OPT_INDENT_2) + b"\n"
        if file is None:
            sys.stdout.write(written.decode())
        else:
            file.write_bytes(written)
            console.print(f"The configuration of {slug} is in {file}.", markup=False)

    run(call)


@programme.command("import")
def import_(
    slug: _Named,
    file: Annotated[Path, typer.Argument(help="JSON, as export writes it.", exists=True, dir_okay=False)],
) -> None:
    """Bring a programme to what a file says. Nothing is removed, what it leaves out stays; again: nothing."""
    document = _json(file)

    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        done = await import_document(installation, found.id, document, now=found.now(now()))
        settings = f"new settings ({', '.join(done.settings)})" if done.settings else "the same settings"
        console.print(
            f"Programme {slug} has {settings}; rules created: {len(done.created)}, changed: {len(done.changed)}, "
            f"only in the programme: {len(done.untouched)}; offers new or changed: {done.offers}."
        )

    run(call)


@programme.command("list")
def list_all() -> None:
    """Show every programme."""
    found = run(services.list_programmes)
    if not found:
        console.print(f"There is no programme yet: {itself()} programme create SLUG --name NAME", soft_wrap=True)
        return
    columns = ("slug", "name", "state", "currency", "time zone", "")
    rows = ((p.slug, p.name, p.state, p.currency, p.time_zone, "sandbox" if p.sandbox else "") for p in found)
    table("Programmes", columns, rows)


@programme.command("open")
def open_(slug: _Named) -> None:
    """Let members join, earn and redeem: from a draft, after a stop, or after closing."""
    _change_state(slug, ProgrammeState.ACTIVE)


@programme.command("stop-earning")
def stop_earning(slug: _Named) -> None:
    """Let orders earn nothing more; members go on redeeming."""
    _change_state(slug, ProgrammeState.EARNING_STOPPED)


@programme.command("close")
def close(slug: _Named) -> None:
    """End a programme whose earning was stopped and in which no point is outstanding."""
    _change_state(slug, ProgrammeState.CLOSED)


@programme.command("clock")
def clock(
    slug: _Named,
    forward: Annotated[
        str | None, typer.Option(help="So long, as in 15m, 12h or 30d; without it the clock is only shown.")
    ] = None,
) -> None:
    """Show the clock of a sandbox, or move it on: what is due by it then is booked and told."""
    by = None if forward is None else _duration(forward)

    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        if by is None:
            shown = await sandbox_clocks.clock_of(installation, found.id, now=now())
        else:
            shown = await sandbox_clocks.move_clock(installation, found.id, by, now=now())
        reads = shown.now.isoformat(timespec="seconds")
        console.print(f"The clock of {slug} shows {reads}, {shown.ahead} ahead of the real one.")

    run(call)


@programme.command("locales")
def locales(
    slug: _Named,
    tags: Annotated[list[str], typer.Argument(metavar="LOCALE...", help="BCP 47, as in de or pt-BR.")],
) -> None:
    """Say in which languages a programme has texts: all of them, the default first."""

    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        changed = await change_locales(installation, found.id, tags, now=found.now(now()))
        console.print(f"Programme {slug} has texts in {', '.join(changed.locales)}.")

    run(call)


@programme.command("currency")
def currency(
    slug: _Named,
    code: Annotated[str, typer.Argument(metavar="CURRENCY", help="ISO 4217.")],
    changes: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE, as in valuePerPoint=8")] = None,
) -> None:
    """Count in another currency: of a draft, or of a closed programme.

    Rates keep their figures unless they are given: 0.05 EUR becomes 0.05 USD.
    """
    document = dict(map(_change, changes or []))

    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        figures = {**found.version_at(found.now(now())).settings.to_document(found.currency), **document}
        changed = ProgrammeSettings.from_document(figures, code)
        await settings_versions.change_currency(installation, found.id, code, changed, now=found.now(now()))
        console.print(f"Programme {slug} counts in {code}.")

    run(call)


@settings.command("show")
def show(slug: Slug = None, *, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Show the settings in force and the versions."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        version = found.version_at(found.now(now()))
        document = version.settings.to_document(found.currency)
        if as_json:
            console.print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), soft_wrap=True)
            return
        rows = ((name, _shown(value)) for name, value in document.items())
        table(f"{found.name}: version {version.version}", ("setting", "value"), rows)
        later = [v for v in found.versions if v.effective_from > found.now(now())]
        for v in later:
            console.print(f"Version {v.version} comes into force at {v.effective_from.isoformat()}.")

    run(call)


@settings.command("change")
def change(
    changes: Annotated[
        list[str], typer.Argument(help='NAME=VALUE, as in valuePerPoint=0.04 or expiry={"days":365}')
    ],
    slug: Slug = None,
    effective_from: Annotated[
        datetime | None, typer.Option("--from", help="UTC instant; by default within seconds.")
    ] = None,
) -> None:
    """Change settings from an instant on. Points earned before keep what they were earned under."""
    document = dict(map(_change, changes))
    start = effective_from and effective_from.replace(tzinfo=effective_from.tzinfo or UTC)

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        version = await settings_versions.amend_settings(
            installation, found.id, document, effective_from=start, now=found.now(now())
        )
        if version in found.versions:
            console.print(f"The settings of {found.slug} are so already, by version {version.version}.")
            return
        console.print(
            f"Version {version.version} of {found.slug} comes into force at {version.effective_from.isoformat()}."
        )

    run(call)


@store.command("add")
def add_store(
    store_id: Annotated[str, typer.Argument(help="The shop's own id of the store.")],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    time_zone: Annotated[str | None, typer.Option(help="IANA time zone; by default the programme's.")] = None,
    slug: Slug = None,
) -> None:
    """Add a store, or change the name and time zone of one."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        await stores.add_store(
            installation, found.id, stores.NewStore(store_id, name, time_zone), now=found.now(now())
        )
        console.print(f"Store {store_id} belongs to {found.slug}.")

    run(call)


@store.command("switch")
def switch_store(store_id: str, switch: Annotated[_Switch, typer.Argument()], slug: Slug = None) -> None:
    """Let orders of a store earn, or not. Redeeming there works either way."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        await stores.switch_store(
            installation, found.id, store_id, active=switch is _Switch.ON, now=found.now(now())
        )
        console.print(f"Store {store_id} of {found.slug} is {switch}.")

    run(call)


def _change_state(slug: str, state: ProgrammeState) -> None:
    async def call(installation: Installation) -> None:
        found = await services.find_programme(installation, slug)
        changed = await services.change_state(installation, found.id, state, now=found.now(now()))
        console.print(f"Programme {slug} is {changed.state}.")

    run(call)


def _duration(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal() or len(number) > _DIGITS_MAX:
        raise CommandError(f"{text!r} is no time like 15m, 12h or 30d.")
    return int(number) * _UNITS[unit]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"{text!r} is not NAME=VALUE.")
    try:
        parsed = json.loads(value, parse_float=str)  # a rate is exact: 0.05 stays the text it is
    except ValueError:
        return name, value
    return name, parsed


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes(), parse_float=str)
    except ValueError as error:
        raise CommandError(f"{path} is not JSON: {error}") from error
