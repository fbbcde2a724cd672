"""A book of rules: which set is in force, engines compiled once, and the same book in another process."""

import pickle
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from pointbook.domain.programme_settings import SettingsVersion
from pointbook.domain.rules import RuleState
from pointbook.services import rule_books
from pointbook.services.rule_books import RuleBook
from tests.unit.rule_documents import LONG_AGO, sides, version

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
FIRST = version("pizza", "ARTICLE", points=5, targets=["pizza"])
SECOND = replace(FIRST, version=2, effective_from=LONG_AGO + DAY, rule=replace(FIRST.rule, points=7))
DELETED = replace(SECOND, version=3, effective_from=LONG_AGO + 2 * DAY, state=RuleState.DELETED)
BOOK = RuleBook((FIRST, SECOND, DELETED))
SETTINGS = SettingsVersion(1, LONG_AGO, sides())


def test_an_engine_is_compiled_once_for_all_instants_of_one_set_of_rules() -> None:
    book = RuleBook(BOOK.versions)
    engine = book.engine(SETTINGS, BERLIN, LONG_AGO)
    assert book.engine(SETTINGS, BERLIN, LONG_AGO + timedelta(hours=23)) is engine
    assert book.engine(replace(SETTINGS, version=2), BERLIN, LONG_AGO) is not engine
    points = [
        [rule.points for rule in book.engine(SETTINGS, BERLIN, LONG_AGO + days * DAY).rules]
        for days in range(-1, 3)
    ]
    assert points == [[], [5], [7], []]
    assert [book.edition(LONG_AGO + days * DAY) for days in range(-1, 3)] == [0, 1, 2, 3]


def test_a_book_keeps_few_engines() -> None:
    book = RuleBook(BOOK.versions)
    engines = [book.engine(replace(SETTINGS, version=n), BERLIN, LONG_AGO) for n in range(50)]
    assert len(book._engines) == rule_books._ENGINES
    assert book.engine(replace(SETTINGS, version=49), BERLIN, LONG_AGO) is engines[-1]


def test_versions_are_found_and_the_newest_are_known() -> None:
    assert BOOK.newest() == {"pizza": DELETED}
    assert BOOK.find("pizza", 2) is SECOND
    assert BOOK.find("pizza", None) is BOOK.find("pasta", 1) is None


def test_a_book_travels_without_its_engines_and_is_equal_there() -> None:
    BOOK.engine(SETTINGS, BERLIN, LONG_AGO)
    there = pickle.loads(pickle.dumps(BOOK))  # noqa: S301  # made one line above
    assert there == BOOK
    assert there._engines == {}
    assert RuleBook((FIRST,)) != BOOK
