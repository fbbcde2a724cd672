"""What the terminal shows: tables on standard output, one clear line on standard error when something is wrong."""

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

# What is printed holds ids and names of others: no text is markup or an emoji, styles are given beside it.
console = Console(highlight=False, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


def itself() -> str:
    """What to type to call this command again: its name where the shell finds it, else as it was called."""
    program = Path(sys.argv[0])
    found = shutil.which(program.name)
    if found is not None and Path(found).resolve() == program.resolve():
        return program.name
    return shlex.quote(sys.argv[0])


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    drawn = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)  # the first is what one copies
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else "" if cell is None else str(cell) for cell in row))
    console.print(drawn)


def secret(what: str, value: str) -> None:
    """A secret on a line of its own, never wrapped, so that it can be copied. It is shown this once."""
    errors.print(Text(what, style="bold"), "(shown once, keep it):", soft_wrap=True)
    console.print(value, soft_wrap=True)


def complain(message: object) -> None:
    errors.print(Text("Error:", style="bold red"), " ".join(str(message).split()), soft_wrap=True)
