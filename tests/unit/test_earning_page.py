"""The examples on the page about earning are what the engine does."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import pointbook
from pointbook.domain.product_texts import VARIABLES
from pointbook.domain.rules import Engine, Occasion, RuleKind
from tests.unit.documents import content
from tests.unit.rule_documents import sides, versions

PAGE = (Path(pointbook.__file__).parent / "docs" / "earning.md").read_text()
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ", ".join(example["rules"]))
def test_an_example_earns_what_the_page_says(example: dict[str, Any]) -> None:
    rules = versions(**example["rules"])
    lines = [{"id": str(number), "quantity": 1, **line} for number, line in enumerate(example["lines"])]
    occasion = Occasion(
        date.fromisoformat(example.get("day", "2026-03-04")),
        example.get("store"),
        example.get("entryChannel"),
        holidays=frozenset(example.get("holidays", ())),
    )
    engine = Engine(sides(**example.get("settings", {})), rules)
    today = example.get("givenToday", {})
    given = {counter: today[counter.rule] for counter in engine.counters(occasion)}
    result = engine.evaluate(content(*lines), occasion, given=given)
    assert {gain.rule.key: gain.points for gain in result.gains} == example["earns"]


def test_the_page_shows_examples_and_names_every_kind_and_variable() -> None:
    assert {"pizza", "cart", "double", "weekend"} <= {key for example in EXAMPLES for key in example["rules"]}
    assert {kind for kind in RuleKind if f"`{kind}`" not in PAGE} == set()
    assert {variable for variable in VARIABLES if f"{{{variable}}}" not in PAGE} == set()
