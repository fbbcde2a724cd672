"""What notices say where a merchant has no words of their own: texts of each kind in each language."""

import tomllib
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from pointbook.domain.notices import NoticeKind
from pointbook.texts.phrasing import LANGUAGES


class NoticeText(NamedTuple):
    """With variables that are not filled in yet."""

    subject: str
    body: str


class Words(NamedTuple):
    """What stands around the text, and on the page where notices are ended; ``{}`` is the sender's name."""

    unsubscribe: str
    why_member: str
    why_addressee: str
    why_staff: str
    end_title: str
    end_question: str
    end_button: str
    ended: str
    ended_more: str
    no_page: str
    has_left: str
    """In place of the name of a member."""


_WORDS: Final = {
    "de": Words(
        "Keine Nachrichten mehr erhalten",
        "Sie bekommen diese Nachricht, weil Sie Nachrichten zu Ihren Punkten bei {} wünschen.",
        "Diese Nachricht wurde automatisch verschickt.",
        "Diese Nachricht geht an Adressen, die in den Einstellungen der Nachrichten stehen.",
        end_title="Nachrichten abbestellen",
        end_question="Möchten Sie keine Nachrichten zu Ihren Punkten bei {} mehr erhalten?",
        end_button="Abbestellen",
        ended="Sie erhalten keine Nachrichten zu Ihren Punkten bei {} mehr.",
        ended_more="Gutscheine, die Sie kaufen, kommen weiterhin per E-Mail. In Ihrem Konto können Sie "
        "Nachrichten wieder einschalten.",
        no_page="Diese Seite gibt es nicht.",
        has_left="(Mitglied ausgetreten)",
    ),
    "en": Words(
        "Unsubscribe",
        "You receive this message because you asked for news of your points at {}.",
        "This message was sent automatically.",
        "This message goes to the addresses in the notice settings.",
        end_title="Unsubscribe",
        end_question="Do you want no more news of your points at {}?",
        end_button="Unsubscribe",
        ended="You will receive no more news of your points at {}.",
        ended_more="Gift cards that you buy will still come by e-mail. You can switch news on again in your "
        "account.",
        no_page="There is no such page.",
        has_left="(member has left)",
    ),
    "pl": Words(
        "Rezygnacja z wiadomości",
        "Wiadomość wysłano, ponieważ wyrazili Państwo zgodę na wiadomości o punktach w programie {}.",
        "Ta wiadomość została wysłana automatycznie.",
        "Wiadomość jest wysyłana na adresy podane w ustawieniach powiadomień.",
        end_title="Rezygnacja z wiadomości",
        end_question="Czy chcą Państwo zrezygnować z wiadomości o punktach w programie {}?",
        end_button="Rezygnuję",
        ended="Nie będą już Państwo otrzymywać wiadomości o punktach w programie {}.",
        ended_more="Zakupione karty podarunkowe nadal będą przychodzić pocztą elektroniczną. Wiadomości można "
        "ponownie włączyć na swoim koncie.",
        no_page="Nie ma takiej strony.",
        has_left="(konto zamknięte)",
    ),
}


def default_text(kind: NoticeKind, language: str) -> NoticeText:
    """``language`` is one of ``phrasing.LANGUAGES``."""
    return _texts()[language][kind]


def words(language: str) -> Words:
    return _WORDS[language]


@cache
def _texts() -> dict[str, dict[NoticeKind, NoticeText]]:
    folder = resources.files("pointbook.texts").joinpath("notices")
    read = {tag: tomllib.loads(folder.joinpath(f"{tag}.toml").read_text("utf-8")) for tag in LANGUAGES}
    return {
        tag: {NoticeKind(kind): NoticeText(text["subject"], text["body"].strip()) for kind, text in texts.items()}
        for tag, texts in read.items()
    }
