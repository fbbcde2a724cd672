"""What is installed is what the lock files name, and they fit pyproject.toml."""

import re
import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.files import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
_PIN = re.compile(
    r"^([a-z0-9.-]+)==([^ ]+?)(?: ; .*?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def locked(name: str) -> dict[str, set[str]]:
    """Versions by package; a few differ by platform or Python."""
    versions: dict[str, set[str]] = {}
    for package, version, _hashes in _PIN.findall((ROOT / name).read_text()):
        versions.setdefault(package, set()).add(version)
    return versions


RUNNING, DEVELOPING, BUILDING = (locked(f"requirements{kind}.lock") for kind in ("", "-dev", "-build"))


def wanted(group: str) -> list[Requirement]:
    entries: list[Any] = PROJECT["dependency-groups"][group]
    return [Requirement(entry) for entry in entries if isinstance(entry, str)]


def test_every_locked_line_has_a_hash() -> None:
    for name, found in (("requirements.lock", RUNNING), ("requirements-dev.lock", DEVELOPING)):
        pins = re.findall(r"^[a-z0-9].*==", (ROOT / name).read_text(), re.MULTILINE)
        assert len(pins) == sum(len(versions) for versions in found.values()) > 40


def test_the_locks_fit_what_pyproject_asks_for() -> None:
    for requirements, found in (
        ([Requirement(entry) for entry in PROJECT["project"]["dependencies"]], RUNNING),
        (wanted("dev") + wanted("build"), DEVELOPING),
        (wanted("build"), BUILDING),
    ):
        for requirement in requirements:
            versions = found.get(canonicalize_name(requirement.name))
            assert versions, f"{requirement.name} is not locked: make lock"
            assert all(Version(version) in requirement.specifier for version in versions), str(requirement)


def test_developers_run_what_is_shipped() -> None:
    assert {name: DEVELOPING[name] for name in RUNNING} == RUNNING
    assert {name: DEVELOPING[name] for name in BUILDING} == BUILDING


def test_locks_name_no_place_to_load_from() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-build.lock"):
        assert not re.search(
            r"://|--index|--find-links|--extra| @ |^-e|^/", (ROOT / name).read_text(), re.MULTILINE
        )
