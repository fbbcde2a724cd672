"""What a page has pinned works on when there are newer scripts: it is kept when a version is released."""

import json
import re
from collections.abc import Iterable
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLSchema, build_schema, find_breaking_changes, get_named_type
from playwright.async_api import Page, expect

from pointbook.graphql.trusted import FORMER, MANIFEST, document_id, render, shipped
from pointbook.http import widget_scripts
from pointbook.http.widget_scripts import RELEASED, SCRIPT, WidgetFile, scripts_in, served_files, widget_files
from tests.house.files import ROOT
from tests.house.widget_releases import RELEASED_SCHEMA, keep
from tests.widgets.browser import Site
from tests.widgets.journeys import signed_in

DAY = date(2026, 3, 1)
DOCUMENT = "query Former { programme { name } }"


def planted(package: Path) -> WidgetFile:
    """A package of another version, with nothing released: its first script, which has its own second part."""
    built, documents = package / "http" / "static" / "widgets", package / "graphql"
    (built / RELEASED).mkdir(parents=True)
    (built / RELEASED / "releases.json").write_text("[]")
    documents.mkdir()
    (documents / MANIFEST).write_text(render({document_id(DOCUMENT): DOCUMENT}))
    (documents / FORMER).write_text("{}")
    script = widget_files()[SCRIPT].content.decode()
    [panels] = [file for name, file in widget_files().items() if name.startswith("panels.")]
    own = WidgetFile("panels.js", panels.content + b"/* of another version */\n", {})
    script = script.replace(panels.name, own.pinned_name).replace(panels.integrity, own.integrity)
    (built / own.pinned_name).write_bytes(own.content)
    (built / SCRIPT).write_text(script)
    return scripts_in(built)[SCRIPT]


@pytest.fixture
def former(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WidgetFile:
    """The first script of a version that was released; the application serves it still."""
    script = planted(tmp_path)
    keep("0.0.9", DAY, tmp_path)
    released = scripts_in(tmp_path / "http" / "static" / "widgets" / RELEASED)
    monkeypatch.setattr(widget_scripts, "served_files", lambda: {**released, **served_files()})
    return script


async def test_a_page_that_has_pinned_a_former_version_goes_on(site: Site, page: Page, former: WidgetFile) -> None:
    await signed_in(site, 100)
    now = widget_files()[SCRIPT]
    assert now.pinned_name != former.pinned_name
    current = await site.snippet("product", article="tea", price="25.00")
    pasted = await site.snippet("account")
    pasted = pasted.replace(now.pinned_name, former.pinned_name).replace(now.integrity, former.integrity)
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(f"{answer.status} {answer.url.rpartition('/')[2]}"))
    await site.show(page, pasted, current)
    await page.get_by_text("History").click()
    await expect(page.get_by_text("For joining")).to_be_visible()
    await expect(page.locator("pointbook-product [part=points]")).to_have_text("25 points")
    scripts = [line for line in loaded if line.endswith(".js")]
    assert f"200 {former.pinned_name}" in scripts
    [panels] = [line for line in scripts if "panels." in line]
    assert panels.removeprefix("200 ") not in widget_files(), "the second part is of the first script's version"


def test_a_release_keeps_scripts_and_documents_once(tmp_path: Path) -> None:
    script = planted(tmp_path)
    for _ in range(2):
        keep("0.0.9", DAY, tmp_path)
    released = tmp_path / "http" / "static" / "widgets" / RELEASED
    [record] = json.loads((released / "releases.json").read_text())
    assert (record["version"], record["date"]) == ("0.0.9", "2026-03-01")
    assert set(record["scripts"]) == set(scripts_in(released)) > {script.pinned_name}
    (tmp_path / "graphql" / MANIFEST).write_text("{}")
    assert shipped(tmp_path / "graphql") == {document_id(DOCUMENT): DOCUMENT}
    (released.parent / SCRIPT).write_text("changed")
    with pytest.raises(ValueError, match="needs another number"):
        keep("0.0.9", DAY, tmp_path)


def test_what_is_kept_is_what_was_released() -> None:
    folder = resources.files("pointbook.http").joinpath("static").joinpath("widgets").joinpath(RELEASED)
    releases = json.loads(folder.joinpath("releases.json").read_text())
    kept = scripts_in(folder)
    assert set(kept) == {name for release in releases for name in release["scripts"]}
    assert all(file.pinned_name == name for name, file in kept.items())


def sent(schema: GraphQLSchema, documents: Iterable[str]) -> set[str]:
    """The names of types of which the variables of documents are made."""
    found: set[str] = set()
    left = {name for text in documents for name in re.findall(r"\$\w+: \[?(\w+)", text)}
    while left:
        found.add(name := left.pop())
        if isinstance(kind := schema.get_type(name), GraphQLInputObjectType):
            left |= {str(get_named_type(field.type)) for field in kind.fields.values()} - found
    return found


def broken(former: GraphQLSchema, now: GraphQLSchema, documents: Iterable[str]) -> list[str]:
    """Changes by which what former pages send is refused; that their documents are valid is seen at the start."""
    kinds = sent(former, documents)
    changes = [change.description for change in find_breaking_changes(former, now)]
    return [change for change in changes if kinds & set(re.findall(r"\w+", change))]


def test_pages_of_the_last_release_send_what_is_taken_still() -> None:
    former = "input Joining { when: When } input When { day: Int } type Query { join(joining: Joining): Int }"
    now = former.replace("day: Int", "day: Int, hour: Int!").replace("Query {", "Query { more: Int ")
    document = "query Join($joining: Joining) { join(joining: $joining) }"
    [change] = broken(build_schema(former), build_schema(now), [document])
    assert "When.hour" in change
    if RELEASED_SCHEMA.exists():
        schema = build_schema((ROOT / "schema.graphql").read_text())
        assert broken(build_schema(RELEASED_SCHEMA.read_text()), schema, shipped().values()) == []
