"""Values that rules and settings share, in both directions: texts by language, endings, choices.

What is written becomes the document that the domain reads; it names the field of whatever is wrong.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Self

import strawberry

from pointbook.domain.calendar import Expiry
from pointbook.domain.errors import InvalidInput
from pointbook.domain.rules import Chosen
from pointbook.domain.rules.reading import ALL


@strawberry.type(description="A text in one language.")
class LocalizedText:
    locale: str = strawberry.field(description="Language tag (BCP 47).")
    text: str = strawberry.field(description="The text, with its placeholders.")

    @classmethod
    def list_of(cls, texts: Iterable[tuple[str, str]]) -> list[Self]:
        return [cls(locale=locale, text=text) for locale, text in texts]


@strawberry.input(description="A text in one language.")
class LocalizedTextInput:
    locale: str = strawberry.field(description="Language tag (BCP 47), one of the programme's.")
    text: str = strawberry.field(description="The text, at most 500 characters.")


@strawberry.type(description="When points end. Neither days nor a date: never.")
class Ending:
    days: int | None = strawberry.field(description="At the end of the local day this many days later.")
    on: date | None = strawberry.field(description="At the end of this local day.")

    @classmethod
    def of(cls, expiry: Expiry) -> Self:
        return cls(days=expiry.days, on=expiry.on)


@strawberry.input(description="When points end: exactly one of these.")
class EndingInput:
    days: int | None = strawberry.field(
        default=None, description="At the end of the local day this many days later, 1 to 36,500."
    )
    on: date | None = strawberry.field(default=None, description="At the end of this local day.")
    never: bool | None = strawberry.field(default=None, description="True: they do not end.")

    def document(self) -> dict[str, Any]:
        given = {"days": self.days, "on": self.on and self.on.isoformat(), "never": self.never}
        return {key: value for key, value in given.items() if value is not None}


@strawberry.type(description="All of what there is, also of what comes later, or only what is named.")
class Choice:
    all: bool = strawberry.field(description="Everything is chosen.")
    only: list[str] = strawberry.field(description="What is chosen, if not everything; may be empty.")

    @classmethod
    def of(cls, chosen: Chosen) -> Self:
        return cls(all=chosen is None, only=list(chosen or ()))


@strawberry.input(description="Everything, or only what is named: exactly one of these.")
class ChoiceInput:
    all: bool | None = strawberry.field(default=None, description="True: everything, also what comes later.")
    only: list[str] | None = strawberry.field(default=None, description="What is chosen.")

    def chosen(self, field: str) -> list[str] | None:
        """None: all. Raises InvalidInput naming ``field`` unless exactly one way of choosing is given."""
        if (self.all is True) is (self.only is not None) or self.all is False:
            raise InvalidInput(field, "must have either all: true, or only")
        return self.only

    def document(self, field: str) -> str | list[str]:
        """As rules are written. Raises InvalidInput as ``chosen``."""
        chosen = self.chosen(field)
        return ALL if chosen is None else chosen


def texts_document(field: str, given: Iterable[LocalizedTextInput]) -> dict[str, str]:
    """By locale. Raises InvalidInput for a locale that is named twice."""
    texts: dict[str, str] = {}
    for one in given:
        if one.locale in texts:
            raise InvalidInput(field, f"has {one.locale!r} twice")
        texts[one.locale] = one.text
    return texts
