"""A process that cannot start says why in one line, and nothing of a password."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.processes import free_port

_SECRET = "of the tests, long enough to be one"


@pytest.mark.parametrize("words", [["serve", "--port", "0"], ["worker"], ["programme", "list"]])
@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE", "postgresql://pointbook:se/cret@127.0.0.1/pointbook"),
        ("REDIS", "redis://:se/cret@127.0.0.1:6379/0"),
        ("DATABASE", "postgresql://pointbook:secret@127.0.0.1/pointbook?sslmode=perhaps"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line_without_the_password(
    words: list[str], name: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTBOOK_DATABASE_URL", "postgresql://pointbook@127.0.0.1:1/pointbook")
    monkeypatch.setenv(f"POINTBOOK_{name}_URL", url)
    error = _refused(words, monkeypatch)
    assert "cret" not in error
    assert "'se'" not in error


def test_a_database_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POINTBOOK_DATABASE_URL", f"postgresql://pointbook@127.0.0.1:{free_port()}/pointbook")
    assert "cannot be reached" in _refused(["serve", "--port", "0"], monkeypatch)


def test_wrong_credentials_are_one_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme, _, rest = database_url.partition("://")
    login, _, where = rest.rpartition("@")
    monkeypatch.setenv("POINTBOOK_DATABASE_URL", f"{scheme}://nobody-of-{login}@{where}")
    assert "PostgreSQL refuses" in _refused(["serve", "--port", "0"], monkeypatch)


def _refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command says on standard error: one line, with exit code 1."""
    monkeypatch.setenv("POINTBOOK_SECRET", _SECRET)
    command = [str(Path(sys.executable).with_name("pointbook")), *words]
    ended = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1), ended.stderr
    assert ended.stderr.startswith("Error: ")
    return ended.stderr
