"""Jinja2 templates of plain text, one per language: every block is a section, ``rule`` and ``notes`` are parts.

The first line of a section's block is its heading, blank lines part its paragraphs; other line breaks are spaces.
Values cannot make a heading or a paragraph: no text that is let in contains a line break.
"""

import re
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pointbook.texts.phrasing import Phrasing

_SPACE: Final = re.compile(r"[ \n]+")  # not \s: a no-break space in a figure stays
_BLANK_LINE: Final = re.compile(r"\n *\n")

_ENVIRONMENT: Final = Environment(
    auto_reload=False,
    autoescape=False,  # noqa: S701  # plain text, no markup: escaped by whoever puts it into a page
    extensions=["jinja2.ext.do"],
    loader=PackageLoader("pointbook.texts"),
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)


def template(language: str) -> Template:
    return _ENVIRONMENT.get_template(f"{language}.txt.j2")


def paragraphs(say: Phrasing, block: str, **context: Any) -> tuple[str, ...]:
    """The paragraphs of a block; the first is the heading of a section."""
    found = template(say.language)
    text = "".join(found.blocks[block](found.new_context({"say": say, **context})))
    return tuple(paragraph for part in _BLANK_LINE.split(text) if (paragraph := _SPACE.sub(" ", part).strip()))


def line(say: Phrasing, block: str, **context: Any) -> str:
    return " ".join(paragraphs(say, block, **context))
