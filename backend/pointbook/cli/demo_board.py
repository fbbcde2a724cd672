"""What ``pointbook demo`` shows when it is up."""

from urllib.parse import urlencode

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pointbook.cli.output import console, itself
from pointbook.demo import Demo
from pointbook.settings import Settings

_QUERY = "{ me { balance { available pending value { amount currency } } expiringPoints { points lastDay } } }"


def base_url(settings: Settings) -> str:
    """How this machine's browser reaches the server, unless the settings say how others do."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def show(settings: Settings, demo: Demo, *, inbox: str | None) -> None:
    """URLs, keys, a customer's token and a first call to copy. ``inbox``: the path of what was sent by mail."""
    base = base_url(settings)
    rows = Table.grid(padding=(0, 2))
    for name, value in (
        ("Shops with the widgets", f"{base}/demo"),
        ("Home page", f"{base}/"),
        ("GraphQL", f"{base}/graphql"),
        ("GraphiQL", f"{base}/graphiql"),
        *([("Mail that it sends", f"{base}{inbox}")] if inbox else []),
        ("Programme", f"{demo.name} ({demo.slug})"),
        ("Members", ", ".join(demo.members)),
        ("Publishable key", demo.publishable_key),
        ("Secret key", demo.secret_key),
        ("Staff key", demo.staff_key),
    ):
        rows.add_row(Text(name, style="bold"), value)
    console.print(
        Panel(rows, title="Pointbook is running", title_align="left", border_style="green", expand=False)
    )
    console.print("GraphiQL with the keys filled in (what follows the # stays in the browser):", style="bold")
    filled_in = urlencode({"key": demo.secret_key, "token": demo.token})
    console.print(f"{base}/graphiql#{filled_in}", soft_wrap=True)
    console.print(f"A first call, for {demo.members[0]} (the token is good for 15 minutes):", style="bold")
    call = (
        f"curl -s {base}/graphql -H 'Content-Type: application/json' -H 'Pointbook-Key: {demo.secret_key}'"
        f" -H 'Authorization: Bearer {demo.token}' -d '{{\"query\": \"{_QUERY}\"}}'"
    )
    console.print(call, soft_wrap=True)
    another = f"{itself()} token create {demo.members[1]} --programme {demo.slug}"
    console.print(f"Another token: {another}", style="dim", soft_wrap=True)
    console.print("Ctrl-C stops everything.", style="dim")
