"""What the terminal shows: tables on standard output, one clear line on standard error when something is wrong."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    drawn = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)  # the first is what one copies
    for row in rows:
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(drawn)


def secret(what: str, value: str) -> None:
    """A secret on a line of its own, never wrapped, so that it can be copied. It is shown this once."""
    errors.print(f"[bold]{what}[/bold] (shown once, keep it):")
    console.print(value, soft_wrap=True, markup=False)


def complain(message: object) -> None:
    errors.print(f"[bold red]Error:[/bold red] {' '.join(str(message).split())}", soft_wrap=True)
