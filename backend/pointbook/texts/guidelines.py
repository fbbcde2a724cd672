"""A programme's conditions, written from the settings and rules in force, and a paragraph for a privacy policy.

They say what the programme does. Whether a merchant owes customers more than that, a lawyer says.
"""

from typing import Final, NamedTuple

from pointbook.domain.guidelines import Terms
from pointbook.domain.rules import Rule
from pointbook.texts.phrasing import Phrasing
from pointbook.texts.rule_labels import label_of, says_amount
from pointbook.texts.templating import line, paragraphs

SECTIONS: Final = (
    "participation",
    "earning",
    "extraPoints",
    "value",
    "availability",
    "expiry",
    "redemption",
    "refunds",
    "merging",
    "leaving",
    "ending",
)
"""Keys, in the order of reading. A section that has nothing to say is left out."""
PRIVACY: Final = "privacy"


class Section(NamedTuple):
    """``key`` is stable and the same in every language; the rest is plain text."""

    key: str
    heading: str
    paragraphs: tuple[str, ...]


class Guidelines(NamedTuple):
    """``locale`` is the one written in, perhaps not the one asked for."""

    locale: str
    sections: tuple[Section, ...]
    privacy: Section
    """For the shop's privacy policy: which data, for what, how long."""


def guidelines(terms: Terms, locale: str) -> Guidelines:
    """The conditions in a locale; an unknown region falls back to its language, another language to English."""
    say = Phrasing.of_texts(locale, terms.currency)
    sections = (_section(say, terms, key) for key in SECTIONS)
    return Guidelines(
        say.tag, tuple(section for section in sections if section.paragraphs), _section(say, terms, PRIVACY)
    )


def _section(say: Phrasing, terms: Terms, key: str) -> Section:
    extras = [_extra(say, terms, rule) for rule in terms.rules] if key == "extraPoints" else []
    heading, *rest = paragraphs(say, key, terms=terms, settings=terms.settings, extras=extras)
    return Section(key, heading, tuple(rest))


def _extra(say: Phrasing, terms: Terms, rule: Rule) -> str:
    """``label``, ``label: what it gives`` or ``what it gives``, and in brackets when and where."""
    label = label_of(rule, say)
    gives = None if says_amount(rule, say) else line(say, "rule", rule=rule)
    notes = line(say, "notes", rule=rule, stores=terms.stores_of(rule))
    said = ": ".join(text for text in (label, gives) if text is not None)
    return f"{said} ({notes})" if notes else said
