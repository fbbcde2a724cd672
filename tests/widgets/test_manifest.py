"""What custom-elements.json tells editors is what the elements have."""

import json
import re
from typing import Any

import pytest

from pointbook.http.widget_addresses import ATTRIBUTES
from tests.house.files import ROOT

SOURCES = ROOT / "widgets" / "src"
MANIFEST = json.loads((ROOT / "widgets" / "custom-elements.json").read_text())
ELEMENTS = {each["tagName"].removeprefix("pointbook-"): each for each in MANIFEST["modules"][0]["declarations"]}


def names(of: str, kind: str) -> set[str]:
    found: list[dict[str, Any]] = ELEMENTS[of][kind]
    return {each["name"] for each in found}


def source(name: str) -> str:
    return (SOURCES / f"{name}.ts").read_text()


def declared(name: str) -> set[str]:
    """The attributes of the properties that a source declares."""
    [block] = re.findall(r"static override properties[^=]*= \{(.*?)\n?\s*\};", source(name), re.DOTALL)
    properties = re.findall(r"(\w+): \{((?:[^{}]|\{[^{}]*\})*)\}", block)
    shown = [
        (prop, options) for prop, options in properties if not re.search(r"state: true|attribute: false", options)
    ]
    return {(re.findall(r'attribute: "([\w-]+)"', options) or [prop.lower()])[0] for prop, options in shown}


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_attributes_are_those_of_the_element(element: str) -> None:
    assert set(ELEMENTS) == set(ATTRIBUTES)
    assert names(element, "attributes") == declared("element") | declared(element) | {"theme"}
    assert set(ATTRIBUTES[element]) == declared(element), "a snippet may have them all"


@pytest.mark.parametrize("element", ATTRIBUTES)
def test_parts_and_properties_are_those_of_the_templates(element: str) -> None:
    files = [SOURCES / f"{element}.ts", SOURCES / "element.ts", SOURCES / "element.css", SOURCES / "joining.ts"]
    text = "".join(path.read_text() for path in [*files, *(SOURCES / "panels").iterdir()])
    parts = {part for value in re.findall(r'part="([\w -]+)"', text) for part in value.split()}
    parts |= set(re.findall(r'\? "(plus)" : item.points \? "(minus)"', text)[0]) if "plus" in text else set()
    assert names(element, "cssParts") <= parts
    assert names(element, "cssProperties") == set(re.findall(r"var\((--pointbook-[\w-]+)", text))


def test_the_events_are_those_that_are_sent() -> None:
    text = "".join(path.read_text() for path in SOURCES.rglob("*.ts"))
    sent = {f"pointbook:{name}" for name in re.findall(r'_emit\("(\w+)"', text)}
    assert set().union(*(names(element, "events") for element in ELEMENTS)) == sent
