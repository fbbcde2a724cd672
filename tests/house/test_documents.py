"""What the documents say can be found: commands, files, variables, operations."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from graphql import build_schema, parse, validate

from pointbook import cli
from pointbook.db.session import Database
from pointbook.services.installation import Installation
from pointbook.services.tokens import create_token_key, verify_customer_token
from pointbook.settings import Settings
from tests.house.files import ROOT, committed
from tests.http.fixtures import Clock, Shop, app, client, clock, session_clock, shop
from tests.http.webhooks import make_sender
from tests.support import SECRET, make_programme, order_document

__all__ = ["app", "client", "clock", "session_clock", "shop"]

DOCS = ROOT / "backend" / "pointbook" / "docs"
DOCUMENTS = [path for path in committed() if path.suffix == ".md"]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def makes(text: str) -> set[str]:
    return set(re.findall(r"(?:^|[`(\s])make ([a-z][a-z-]*)", "\n".join(_code(text)), re.MULTILINE))


def _code(text: str) -> list[str]:
    """Blocks for the shell, and words in code quotes."""
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)


def commands_of(group: Any, prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not hasattr(group, "commands"):
        return {prefix}
    return {path for name, command in group.commands.items() for path in commands_of(command, (*prefix, name))}


COMMANDS = commands_of(typer.main.get_command(cli.app))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link.partition("#")[0] for link in _LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in links if link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_named_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert makes(document.read_text()) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_named_commands_exist(document: Path) -> None:
    named = re.findall(
        r"(?:^|[\s(/])pointbook ((?:[a-z][a-z-]* ?){1,2})", "\n".join(_code(document.read_text())), re.MULTILINE
    )
    for words in named:
        path = tuple(words.split())
        groups = {command[0] for command in COMMANDS if len(command) > 1}
        assert path[: 2 if path[0] in groups else 1] in COMMANDS, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_a_page_of_commands_says_where_they_are_found(document: Path) -> None:
    # What make installs is in .venv/bin, which is on nobody's path.
    text = document.read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    if re.search(r"^(pointbook|python) ", blocks, re.MULTILINE):
        assert "`. .venv/bin/activate`" in text


def test_the_readme_begins_with_its_two_commands() -> None:
    assert {"demo", "test"} <= makes((ROOT / "README.md").read_text())
    ci = (ROOT / ".ci" / "run").read_text()
    assert {"test", "test-without-valkey", "audit"} <= set(re.findall(r"^make ([a-z-]+)", ci, re.MULTILINE))
    assert "make demo" in (ROOT / ".ci" / "demo").read_text()


def operations_of(text: str) -> list[str]:
    """In calls to copy, and in blocks of their own."""
    return re.findall(r'"query": "((?:[^"\\]|\\.)*)"', text) + re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_written_operations_are_valid(document: Path) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    for operation in operations_of(document.read_text()):
        assert validate(schema, parse(operation)) == []


def test_operations_are_found() -> None:
    assert len(operations_of((ROOT / "README.md").read_text())) >= 4
    assert operations_of((DOCS / "operations.md").read_text())


def test_every_process_setting_is_in_the_operations_page() -> None:
    page = (DOCS / "operations.md").read_text()
    documented = set(re.findall(r"POINTBOOK_([A-Z_]+)", page)) - {"URL"}
    assert {name.upper() for name in Settings.model_fields} == documented


def example(function: str) -> Any:
    """A function that the operations page shows in Python."""
    examples = re.findall(r"```python\n(.*?)```", (DOCS / "operations.md").read_text(), re.DOTALL)
    (shown,) = (text for text in examples if f"def {function}(" in text)
    names: dict[str, Any] = {}
    exec(shown, names)  # noqa: S102  # it is our own
    return names[function]


async def test_the_token_that_the_operations_page_signs_is_good(db: Database) -> None:
    now = datetime.now(UTC)
    installation = Installation.of(db, SECRET)
    programme = await make_programme(installation, now=now)
    key = await create_token_key(installation, programme.id, "HS256", now=now)
    token = example("customer_token")("clara", key.kid, key.secret)
    assert (await verify_customer_token(installation, token, now=now)).subject == "clara"


async def test_the_webhook_that_the_operations_page_signs_is_taken(shop: Shop, clock: Clock) -> None:
    clock.now = datetime.now(UTC)
    sender = await make_sender(shop)
    body, headers = example("signed_webhook")(sender.endpoint.secret, "order.submitted", order_document())
    reply = await sender.post(body, headers)
    assert (reply.status, reply.json["externalId"]) == (200, "o-1")


def test_every_decision_is_listed_and_complete() -> None:
    folder = DOCS / "decisions"
    files = sorted(path.name for path in folder.glob("0*.md") if not path.name.startswith("0000"))
    assert _LINK.findall((folder / "README.md").read_text())[1:] == files
    parts = re.findall(r"^## .*$", (folder / "0000-template.md").read_text(), re.MULTILINE)
    for name in files:
        text = (folder / name).read_text()
        assert re.findall(r"^## .*$", text, re.MULTILINE) == parts, name
        assert text.startswith(f"# {name[:4]} "), name
