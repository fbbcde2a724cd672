"""What custom-elements.json tells editors, and the documents tell people, is what the elements have."""

import json
import re
from typing import Any

import pytest

from pointbook.http.widget_addresses import ATTRIBUTES
from tests.house.files import ROOT

SOURCES = ROOT / "widgets" / "src"
DOCUMENT = (ROOT / "backend" / "pointbook" / "docs" / "widgets.md").read_text()
MANIFEST = json.loads((ROOT / "widgets" / "custom-elements.json").read_text())
ELEMENTS = {each["tagName"].removeprefix("pointbook-"): each for each in MANIFEST["modules"][0]["declarations"]}


SHOWN = {
    "product": ("product", "element"),
    "checkout": ("checkout", "element", "joining", "panels/joining"),
    "account": ("account", "element", "joining", *(f"panels/{path.stem}" for path in SOURCES.glob("panels/*.ts"))),
}
"""The sources whose templates an element shows."""


def names(of: str, kind: str) -> set[str]:
    found: list[dict[str, Any]] = ELEMENTS[of][kind]
    return {each["name"] for each in found}


def source(name: str) -> str:
    return (SOURCES / f"{name}.ts").read_text()


def properties(name: str) -> dict[str, str]:
    """The public properties that a source declares, with their options."""
    [block] = re.findall(r"static override properties[^=]*= \{(.*?)\n?\s*\};", source(name), re.DOTALL)
    found = re.findall(r"(\w+): \{((?:[^{}]|\{[^{}]*\})*)\}", block)
    return {prop: options for prop, options in found if "state: true" not in options}


def declared(name: str) -> set[str]:
    """The attributes of the properties that a source declares."""
    shown = {prop: options for prop, options in properties(name).items() if "attribute: false" not in options}
    return {
        (re.findall(r'attribute: "([\w-]+)"', options) or [prop.lower()])[0] for prop, options in shown.items()
    }


def parts(text: str) -> set[str]:
    """The parts that templates name, by themselves or as the outcomes of a question."""
    asked = "".join(re.findall(r"part=\$\{([^}]*)\}", text))
    named = [*re.findall(r'part="([^"]+)"', text), *re.findall(r'"([^"]+)"', asked)]
    return {part for value in named for part in value.split()}


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_attributes_are_those_of_the_element(element: str) -> None:
    assert set(ELEMENTS) == set(ATTRIBUTES)
    assert names(element, "attributes") == declared("element") | declared(element) | {"theme"}
    assert set(ATTRIBUTES[element]) == declared(element), "a snippet may have them all"


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_properties_and_methods_are_those_of_the_element(element: str) -> None:
    public = re.findall(r"^  async ([a-z]\w*)\(", source("element") + source(element), re.MULTILINE)
    assert names(element, "members") == {*properties("element"), *properties(element), *public}
    by_name = {each["name"]: each["kind"] for each in ELEMENTS[element]["members"]}
    assert (by_name["refresh"], by_name["api"]) == ("method", "field")
    assert ("cart" in by_name) == (element == "checkout"), "the documents tell pages to set it"


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_parts_are_those_of_the_templates(element: str) -> None:
    assert names(element, "cssParts") == parts("".join(map(source, SHOWN[element])))


def test_the_documents_name_all_parts_and_custom_properties_and_no_others() -> None:
    [told] = re.findall(r"Parts, for `::part\(\.\.\.\)`: (.*?)\.", DOCUMENT, re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", told)) == set().union(*(names(each, "cssParts") for each in ELEMENTS))
    [told] = re.findall(r"Custom properties: (.*?)\.", DOCUMENT, re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", told)) == names("checkout", "cssProperties")


def test_what_is_styled_is_there() -> None:
    styled = set(
        re.findall(r'\[part~?="([\w-]+)"\]', "".join(path.read_text() for path in SOURCES.rglob("*.css")))
    )
    assert styled <= parts("".join(path.read_text() for path in SOURCES.rglob("*.ts")))


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_custom_properties_are_those_of_the_style(element: str) -> None:
    style = (SOURCES / "element.css").read_text()
    assert names(element, "cssProperties") == set(re.findall(r"var\((--pointbook-[\w-]+)", style))


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_everything_is_described(element: str) -> None:
    for kind in ("attributes", "members", "events", "slots", "cssProperties", "cssParts"):
        assert ELEMENTS[element][kind]
        assert [each["name"] for each in ELEMENTS[element][kind] if not each["description"].endswith(".")] == [], (
            kind
        )


def test_the_events_are_those_that_are_sent() -> None:
    text = "".join(path.read_text() for path in SOURCES.rglob("*.ts"))
    sent = {f"pointbook:{name}" for name in re.findall(r'_emit\("(\w+)"', text)}
    assert set().union(*(names(element, "events") for element in ELEMENTS)) == sent
