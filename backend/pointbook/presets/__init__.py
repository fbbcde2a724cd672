"""Whole configurations that ship with the product, as data: each to begin with and to change.

Rules that name things of a shop (articles, categories, services) are INACTIVE: put the shop's own ids into
them and activate them. Gift cards and exchange items are examples, and not on sale. Import only what is read
here: a preset is a file like one that is exported.
"""

import json
from importlib import resources
from typing import Any, Final

from pointbook.domain.configuration import Configuration, read_configuration
from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import shown

PRESETS: Final = ("azpl", "loyalista", "sides", "simplybook")


def preset(name: str) -> Configuration:
    """The configuration of a preset. Raises InvalidInput if there is none of this name."""
    return read_configuration(preset_document(name))


def preset_document(name: str) -> dict[str, Any]:
    """The preset as it is written. Raises InvalidInput if there is none of this name."""
    if name not in PRESETS:
        raise InvalidInput("preset", f"there is no preset {shown(name)}; there are {', '.join(PRESETS)}")
    document: dict[str, Any] = json.loads(resources.files(__name__).joinpath(f"{name}.json").read_bytes())
    return document
