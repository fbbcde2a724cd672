"""What stands in a page before a widget has loaded, or where no script runs."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pointbook.texts.phrasing import Phrasing


class _Words(NamedTuple):
    """``{}`` stands for a number of points, or for the programme's name."""

    join: str
    pay: str
    account: str


_WORDS: Final[Mapping[str, _Words]] = {
    "de": _Words("Jetzt mitmachen: {} geschenkt", "Mit Punkten bezahlen", "Ihre Punkte bei {}"),
    "en": _Words("Join and get {}", "Pay with points", "Your points at {}"),
    "pl": _Words("Proszę dołączyć i odebrać {}", "Płatność punktami", "Państwa punkty: {}"),
}


def join_offer(points: int, say: Phrasing) -> str:
    """What joining would give."""
    return _WORDS[say.language].join.format(say.points(points))


def _title(choose: Callable[[_Words], str]) -> Callable[[str, Phrasing], str]:
    return lambda programme, say: choose(_WORDS[say.language]).format(programme)


TITLES: Final[Mapping[str, Callable[[str, Phrasing], str]]] = {
    "checkout": _title(lambda words: words.pay),
    "account": _title(lambda words: words.account),
}
"""By widget: its heading, for a programme of this name."""
