"""What is shipped of the layout of mails is what its source says."""

from tests.house.layouts import COMPILED, compiled


def test_the_layout_is_compiled_from_its_source() -> None:
    assert COMPILED.read_text() == compiled(), "make layouts compiles it again"


def test_the_layout_loads_nothing_from_elsewhere() -> None:
    layout = COMPILED.read_text()
    for loading in ("@import", "<link", "<script", "fonts.googleapis"):
        assert loading not in layout
