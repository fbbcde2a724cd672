"""Example values of what notices name, in the language of their texts; English ones stand with the variables."""

from collections.abc import Mapping
from typing import Final

from pointbook.domain.notices import TYPES, NoticeKind, Value

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "description": "Verkostung am 3. März",
        "greeting": "Guten Tag Ola,",
        "product": "Kaffeegutschein",
        "face": "50,00 €",
        "valid": "Gültig bis 31. März 2029",
        "reason": "Die beiden Konten tragen verschiedene Namen.",
        "items": "2 Steinzeugtasse (cup)",
        "note": "Bitte zweimal klingeln.",
    },
    "pl": {
        "description": "Degustacja 3 marca",
        "greeting": "Dzień dobry Ola,",
        "product": "Bon na kawę",
        "face": "50,00 €",
        "valid": "Ważna do 31 marca 2029",
        "reason": "Oba konta są na różne nazwiska.",
        "items": "2 Kubek kamionkowy (cup)",
        "note": "Proszę zadzwonić dwa razy.",
    },
}
"""By language and variable: what is words and no figure."""


def examples(kind: NoticeKind, language: str) -> dict[str, Value]:
    """By variable."""
    words, known = _WORDS.get(language, {}), TYPES[kind].examples
    return {name: words.get(name, value) for name, value in known.items()}
