"""What the page says to whoever opens the link of a merge request."""

from dataclasses import dataclass
from typing import Final

from pointbook.texts.phrasing import FALLBACK, Phrasing


@dataclass(frozen=True, slots=True)
class Words:
    """What there is to say in one language; ``{}`` stands for the programme's name."""

    title: str
    asked: str
    what_happens: str
    not_yours: str
    confirm: str
    confirmed_title: str
    confirmed: str
    over_title: str
    over: str
    no_page: str
    other_languages: str


_WORDS: Final = {
    "de": Words(
        title="Konten zusammenführen",
        asked="Jemand möchte das Konto mit Ihrer E-Mail-Adresse bei {} in ein anderes Konto aufnehmen lassen.",
        what_happens=(
            "Wenn Sie das selbst sind, bestätigen Sie bitte, dass Ihnen diese Adresse gehört. Danach prüft das "
            "Team die Anfrage. Wird ihr zugestimmt, gehören alle Punkte dieses Kontos zu dem anderen, und dieses "
            "Konto endet."
        ),
        not_yours="Wenn Sie das nicht waren, schließen Sie diese Seite einfach. Dann geschieht nichts.",
        confirm="Ja, diese Adresse gehört mir",
        confirmed_title="Vielen Dank",
        confirmed="Ihre Adresse ist bestätigt. Über die Anfrage entscheidet nun das Team.",
        over_title="Dieser Link gilt nicht mehr",
        over="Der Link ist abgelaufen, oder die Anfrage wurde zurückgezogen. Sie können sie erneut stellen.",
        no_page="Diese Seite gibt es nicht.",
        other_languages="Sprache",
    ),
    "en": Words(
        title="Merge accounts",
        asked="Somebody would like the account with your e-mail address at {} to become a part of another one.",
        what_happens=(
            "If it was you, please confirm that this address is yours. Then the team looks at the request. If "
            "they agree, all points of this account belong to the other one, and this account ends."
        ),
        not_yours="If it was not you, simply close this page. Then nothing happens.",
        confirm="Yes, this address is mine",
        confirmed_title="Thank you",
        confirmed="Your address is confirmed. The team now decides on the request.",
        over_title="This link is no longer valid",
        over="The link has expired, or the request was taken back. You can make it again.",
        no_page="There is no such page.",
        other_languages="Language",
    ),
    "pl": Words(
        title="Połączenie kont",
        asked="Ktoś prosi, aby konto z Państwa adresem e-mail w programie {} stało się częścią innego konta.",
        what_happens=(
            "Jeśli to Państwa prośba, prosimy potwierdzić, że ten adres należy do Państwa. Następnie prośbę "
            "rozpatrzy zespół. Jeśli się zgodzi, wszystkie punkty tego konta przejdą na drugie konto, a to konto "
            "zostanie zamknięte."
        ),
        not_yours="Jeśli to nie Państwa prośba, wystarczy zamknąć tę stronę. Nic się wtedy nie stanie.",
        confirm="Tak, ten adres należy do mnie",
        confirmed_title="Dziękujemy",
        confirmed="Adres został potwierdzony. O prośbie zdecyduje teraz zespół.",
        over_title="Ten link jest już nieważny",
        over="Link wygasł albo prośba została wycofana. Można ją złożyć ponownie.",
        no_page="Nie ma takiej strony.",
        other_languages="Język",
    ),
}
OTHER_LANGUAGES: Final = {"de": "Deutsch", "en": "English", "pl": "Polski"}


def words_of(tag: str) -> tuple[str, Words]:
    """The words for a language tag, and the tag of the language that they are in."""
    say = Phrasing.of_texts(tag, "EUR")
    return say.tag, _WORDS.get(say.language, _WORDS[FALLBACK])
