"""The layout of mails is written in MJML and shipped compiled: ``make layouts`` compiles it."""

from pathlib import Path

from mjml import mjml2html

from tests.house.files import ROOT

_TEXTS = ROOT / "backend" / "pointbook" / "texts"
SOURCE = _TEXTS / "layouts" / "notice.mjml"
COMPILED = _TEXTS / "templates" / "notice.html.j2"


def compiled() -> str:
    return mjml2html(SOURCE.read_text()) + "\n"


if __name__ == "__main__":
    Path(COMPILED).write_text(compiled())
