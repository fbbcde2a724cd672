"""A configuration of which a document says a part: the rest is as a programme has it.

An import removes nothing. So what a file leaves out is not meant to become what it would be in a programme that is
made anew: whoever sends a new value of points does not ask for the usual waiting time.
"""

from collections.abc import Mapping
from typing import Any, Final

_NAMED: Final = {"stores": "id", "rules": "key", "giftCards": "sku", "exchangeItems": "sku"}
"""Lists, by what names their parts."""
_CHANNELS: Final = ("entryChannels", "exitChannels")


def completed(document: object, whole: Mapping[str, Any]) -> object:
    """The document with what it does not name as ``whole`` has it; what is no configuration stays what it is.

    Settings one by one, and stores, rules and offers field by field; holidays and what a rule says are each one
    thing. Parts stand where the document has them, those that it leaves out behind them.

    >>> completed({"settings": {"holdMinutes": 9}}, {"name": "Tea", "settings": {"holdMinutes": 15, "a": 1}})
    {'name': 'Tea', 'settings': {'holdMinutes': 9, 'a': 1}}
    """
    if not isinstance(document, Mapping):
        return document
    complete = {**whole, **document}
    if isinstance(document.get("settings", {}), Mapping):
        complete["settings"] = {**whole["settings"], **document.get("settings", {})}
    for field, name in _NAMED.items():
        if isinstance(document.get(field), list):
            complete[field] = _over(document[field], whole.get(field, []), name)
    for field in _CHANNELS:
        if isinstance(document.get(field), list):
            complete[field] = [*document[field], *whole.get(field, [])]
    return complete


def _over(parts: list[Any], known: list[dict[str, Any]], name: str) -> list[Any]:
    by_name = {part[name]: part for part in known}
    said = [
        {**by_name.pop(part[name], {}), **part}
        if isinstance(part, Mapping) and isinstance(part.get(name), str)
        else part
        for part in parts
    ]
    return [*said, *by_name.values()]
