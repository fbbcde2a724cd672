"""Texts of a merchant with ``{placeholders}``: nothing but substitution, and only of variables that are known."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import identifier, shown

MAX_LENGTH: Final = 500
MAX_LOCALES: Final = 50
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_BRACE: Final = re.compile(r"[{}]")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


def checked(field: str, value: object, variables: Collection[str], maximum: int = MAX_LENGTH) -> str:
    """A text whose placeholders are all among ``variables``; else InvalidInput.

    >>> checked("label", "{points} extra", {"points"})
    '{points} extra'
    """
    text = identifier(field, value, maximum)
    check_variables(field, text, variables)
    return text


def check_variables(field: str, text: str, variables: Collection[str]) -> None:
    """Raises InvalidInput, which names a placeholder that is not among ``variables``."""
    for name in names_in(text):
        if name not in variables:
            known = ", ".join(f"{{{variable}}}" for variable in sorted(variables))
            raise InvalidInput(field, f"has the unknown variable {{{shown(name)}}}; there is {known or 'none'}")
    if _BRACE.search(_PLACEHOLDER.sub("", text)):
        raise InvalidInput(field, "has a brace without its partner")


def names_in(text: str) -> list[str]:
    """What stands between braces, in order."""
    return _PLACEHOLDER.findall(text)


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the values in place of its placeholders. What stands in a value is not looked at again.

    >>> filled("{points} extra", {"points": "70"})
    '70 extra'
    """
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def per_locale(field: str, value: object, variables: Collection[str]) -> tuple[tuple[str, str], ...]:
    """A text for each locale (``{"de": "...", "en": "..."}``), in order of locale; InvalidInput as ``checked``."""
    if value is None:
        return ()
    if not isinstance(value, Mapping) or len(value) > MAX_LOCALES:
        raise InvalidInput(field, f"must be an object of at most {MAX_LOCALES} locales with their texts")
    for locale in value:
        if not (isinstance(locale, str) and _LOCALE.fullmatch(locale)):
            raise InvalidInput(f"{field}.{shown(locale)}", "is not a locale like de or pt-BR")
    return tuple((locale, checked(f"{field}.{locale}", value[locale], variables)) for locale in sorted(value))
