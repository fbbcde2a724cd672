"""A programme's conditions: each setting and rule is said in each language, and nothing internal is."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.guidelines import Terms
from pointbook.domain.rules import RuleKind, RuleState, RuleVersion
from pointbook.texts import LANGUAGES, Guidelines, guidelines, rule_label
from pointbook.texts.guidelines import PRIVACY, SECTIONS
from pointbook.texts.templating import template
from tests.unit.documents import settings
from tests.unit.rule_documents import BERLIN, OPEN_HOUR, rule, version
from tests.unit.test_programme_settings import DOCUMENTS

STORES: Final = {"s1": "Mitte", "s2": "Wedding"}
NBSP: Final = "\N{NO-BREAK SPACE}"
SILENT: Final = {
    *("qualifyingStatuses", "typeEffects", "standardPointsText", "extraPointsText", "expiryNoticeDays"),
    "adjustmentMaxPoints",
}
"""What the shop calls its own states and documents, texts that are read elsewhere, mail that only some get, and
what its people may do.
"""


def terms(*rules: RuleVersion, now: datetime = OPEN_HOUR, earns: bool = True, **document: Any) -> Terms:
    return Terms.in_force("Treue", "EUR", BERLIN, settings(**document), rules, now=now, stores=STORES, earns=earns)


def whole(said: Guidelines) -> str:
    sections = (*said.sections, said.privacy)
    return "\n".join(text for _, heading, paragraphs in sections for text in (heading, *paragraphs))


def section(key: str, locale: str, *rules: RuleVersion, **more: Any) -> str:
    said = guidelines(terms(*rules, **more), locale)
    found = {one.key: one for one in (*said.sections, said.privacy)}
    return " ".join(found[key].paragraphs).replace(NBSP, " ") if key in found else ""


# Setting, value, what else is set, section, and what is said of it in German, English and Polish: only then.
SAID: Final[list[tuple[str, Any, dict[str, Any], str, tuple[str, str, str]]]] = [
    ("revenuePerPoint", "3", {}, "earning", ("je 3,00 € Umsatz", "every €3.00 you spend", "każde 3,00 € wydane")),
    ("revenuePerPoint", "4", {}, "value", ("Rabatt von 1,25 %", "discount of 1.25%", "w wysokości 1,25%")),
    ("valuePerPoint", "0.005", {}, "value", ("1 Punkt 0,005 € wert", "is worth €0.005", "jest wart 0,005 €")),
    ("valuePerPoint", "0.125", {}, "value", ("Rabatt von 12,5 %", "discount of 12.5%", "w wysokości 12,5%")),
    (
        "pointValuePolicy",
        "CURRENT",
        {},
        "value",
        ("am Tag der Einlösung", "on the day you redeem", "z dnia wykorz"),
    ),
    ("pointValuePolicy", "CURRENT", {}, "ending", ("ausgenommen", "an exception", "wyjątkiem")),
    ("earnsFromRevenue", False, {}, "earning", ("Zurzeit gibt es", "At present there are", "Obecnie za")),
    ("revenueRounding", "FLOOR", {}, "earning", ("abgerundet", "rounded down", "zaokrągla się w dół")),
    (
        "revenueRounding",
        "CEILING",
        {},
        "earning",
        ("aufgerundet", "are rounded up", "punktu zaokrągla się w górę"),
    ),
    ("basePointsPerOrder", 12, {}, "earning", ("12 Punkte", "receive 12 points", "otrzymuje 12 punktów")),
    (
        "basePointsPerOrder",
        12,
        {},
        "refunds",
        ("Punkte je Bestellung", "points for each order", "samo zamówienie"),
    ),
    (
        "signUpPoints",
        22,
        {},
        "participation",
        ("einmalig 22 Punkte", "receive 22 points", "jednorazowo 22 punkty"),
    ),
    (
        "signUpAvailableAtOnce",
        True,
        {"signUpPoints": 9, "waitingTime": {"days": 3}},
        "participation",
        ("sofort verfügbar", "available at once", "dostępne od razu"),
    ),
    (
        "signUpFrom",
        "2026-03-01",
        {"signUpPoints": 9},
        "participation",
        ("ab dem 1. März 2026", "on March 1, 2026 or later", "od 1 marca 2026"),
    ),
    (
        "signUpUntil",
        "2026-03-31",
        {"signUpPoints": 9},
        "participation",
        ("bis zum 31. März 2026", "on March 31, 2026 or earlier", "do 31 marca 2026 (włącznie)"),
    ),
    (
        "signUpExpiry",
        {"days": 61},
        {"signUpPoints": 9},
        "participation",
        ("61 Tage gültig", "valid for 61 days", "ważne przez 61 dni"),
    ),
    ("waitingTime", {"days": 1}, {}, "availability", ("1 Tag nach", "1 day after", "po upływie 1 dnia")),
    ("waitingTime", {"hours": 24}, {}, "availability", ("24 Stunden", "24 hours", "upływie 24 godzin")),
    ("expiry", {"days": 150}, {}, "expiry", ("sind 150 Tage", "for 150 days", "przez 150 dni")),
    ("expiry", {"on": "2026-12-31"}, {}, "expiry", ("31. Dezember 2026", "December 31, 2026", "31 grudnia 2026")),
    ("expiry", {"never": True}, {}, "expiry", ("verfallen nicht", "do not expire", "nie wygasają")),
    ("expiryCountsFrom", "AVAILABILITY", {}, "expiry", ("verfügbar werden", "become available", "stały się dost")),
    ("netBasis", True, {}, "earning", ("ohne Umsatzsteuer", "excluding VAT", "netto")),
    ("shippingInBasis", True, {}, "earning", ("kosten zählen mit", "costs count as well", "dostawy są wliczane")),
    ("surchargeInBasis", True, {}, "earning", ("zuschlag zählt mit", "orders counts as well", "minimalnego jest")),
    ("holdMinutes", 22, {}, "redemption", ("22 Minuten", "22 minutes", "na 22 minuty")),
    ("holdExtensionsMax", 3, {}, "redemption", ("3-mal", "3 times", "3 razy")),
    (
        "holdExtensionsMax",
        0,
        {},
        "redemption",
        ("Verlängerung ist nicht", "cannot be extended", "nie można przed"),
    ),
    ("minimumRedemptionPoints", 500, {}, "redemption", ("500 Punkte", "500 points", "500 punktów")),
    ("maximumShareOfCart", 40, {}, "redemption", ("bis zu 40 %", "up to 40%", "do 40%")),
    ("maximumShareOfCart", 0, {}, "redemption", ("keine Bestellungen", "cannot be paid for", "nie można płacić")),
    (
        "exchangeMinimumPoints",
        120,
        {},
        "redemption",
        ("mindestens 120 Punkte", "takes at least 120 points", "co najmniej 120 punktów"),
    ),
    (
        "exchangePointsMax",
        900,
        {},
        "redemption",
        ("höchstens 900 Punkte", "at most 900 points", "najwyżej 900 punktów"),
    ),
    ("exchangeUnitsMax", 12, {}, "redemption", ("höchstens 12 Stück", "at most 12 pieces", "najwyżej 12 sztuk")),
    ("expiringWindowDays", 14, {}, "expiry", ("14 Tagen", "next 14 days", "najbliższych 14 dni")),
    (
        "releaseParkedOnJoin",
        True,
        {},
        "participation",
        ("nachträglich", "once you have joined", "po przystąpieniu."),
    ),
    ("rejoinBonusBlockDays", 90, {"signUpPoints": 9}, "participation", ("90 Tagen", "90 days", "90 dni")),
    ("rejoinBonusBlockDays", 90, {}, "privacy", ("90 Tage auf", "them for 90 days", "przez 90 dni")),
    (
        "refundSplit",
        "POINTS_FIRST",
        {},
        "refunds",
        ("zuerst in Punkten", "in points first", "najpierw w punktach"),
    ),
    ("refundSplit", "MONEY_FIRST", {}, "refunds", ("zuerst in Geld", "in money first", "najpierw w pieniądzu")),
    ("clawback", "WITHIN_BALANCE", {}, "refunds", ("höchstens so viele", "No more points", "najwyżej tyle")),
    (
        "clawback",
        "ONLY_PENDING",
        {},
        "refunds",
        ("nur Punkte, die noch", "Only points that are", "tylko punkty, kt"),
    ),
    ("giveBackGraceDays", 8, {}, "refunds", ("noch 8 Tage", "for 8 days", "jeszcze przez 8 dni")),
    ("giveBackGraceDays", 0, {}, "refunds", ("bleiben sie verfallen", "remain expired", "nie można ich już")),
    (
        "mergeReversesSignUpBonus",
        False,
        {"signUpPoints": 9},
        "merging",
        ("aus beiden Konten", "of both accounts", "z obu kont"),
    ),
]
BOOKINGS: Final = [
    ("bookingDelayMinutes", 200, ("200 Minuten", "200 minutes", "200 minut ")),
    ("bookingDelayMinutes", 240, ("4 Stunden", "4 hours", "4 godzin ")),
    ("bookingNeedsCompletion", True, ("als wahrgenommen", "reported as attended", "że wizyta się odbyła")),
]


@pytest.mark.parametrize(("setting", "value", "others", "key", "words"), SAID)
def test_a_setting_is_said_in_each_language_and_only_then(
    setting: str, value: Any, others: dict[str, Any], key: str, words: tuple[str, str, str]
) -> None:
    for language, expected in zip(LANGUAGES, words, strict=True):
        assert expected in section(key, language, **others, **{setting: value})
        assert expected not in section(key, language, **others)


@pytest.mark.parametrize(("setting", "value", "words"), BOOKINGS)
def test_where_bookings_earn_their_settings_are_said(setting: str, value: Any, words: tuple[str, ...]) -> None:
    lesson = version("lesson", "SERVICE", points=25, targets=["yoga"])
    for language, expected in zip(LANGUAGES, words, strict=True):
        assert expected in section("availability", language, lesson, **{setting: value})
        assert expected not in section("availability", language, lesson)
        assert expected not in section("availability", language, **{setting: value})


def test_no_setting_is_passed_over() -> None:
    said = {setting for setting, *_ in SAID} | {setting for setting, *_ in BOOKINGS}
    assert said | SILENT == set(settings().to_document("EUR"))


def test_every_language_has_every_section() -> None:
    for language in LANGUAGES:
        assert template(language).blocks.keys() == {*SECTIONS, PRIVACY, "rule", "notes"}
        said = guidelines(terms(version("c", "BASE", points=1)), language)
        assert [one.key for one in said.sections] == list(SECTIONS)
        assert said.privacy.key == PRIVACY
        assert all(one.heading and one.paragraphs for one in (*said.sections, said.privacy))
    assert "extraPoints" not in [one.key for one in guidelines(terms(), "de").sections]


# --- rules -----------------------------------------------------------------------------------------------------

OF_KIND: Final[dict[RuleKind, tuple[dict[str, Any], str]]] = {
    RuleKind.ARTICLE: ({"points": 2, "targets": ["sku-1"]}, "2 Punkte je Stück bestimmter Artikel"),
    RuleKind.PRODUCT_GROUP: ({"points": 2, "targets": ["sku-1"]}, "2 Punkte je Stück aus bestimmten Warengruppen"),
    RuleKind.TOPPING: ({"points": 1, "targets": ["sku-1"]}, "1 Punkt je bestimmter Zutat oder Beilage"),
    RuleKind.TOPPING_GROUP: ({"points": 1, "targets": ["sku-1"]}, "1 Punkt je bestimmter Zutat oder Beilage"),
    RuleKind.CART: (
        {"moneyPerPoint": "2.50"},
        "1 Punkt je 2,50 € Bestellwert (nicht auf den Teil, den Sie mit Punkten bezahlen)",
    ),
    RuleKind.BASE: ({"points": 7}, "7 Punkte je Bestellung"),
    RuleKind.REGISTRATION: ({"points": 100}, "100 Punkte für den Beitritt"),
    RuleKind.SERVICE: ({"points": 25, "targets": ["sku-1"]}, "25 Punkte je Buchung bestimmter Leistungen"),
    RuleKind.VARIATION: ({"points": 50, "targets": ["sku-1"]}, "50 Punkte je Stück bestimmter Artikel"),
    RuleKind.CATEGORY: ({"points": 20, "targets": ["sku-1"]}, "20 Punkte je Stück aus bestimmten Warengruppen"),
    RuleKind.MULTIPLIER: ({"factor": "2.5", "targets": ["sku-1"]}, "2,5-fache Punkte nach bestimmten Regeln"),
}


@pytest.mark.parametrize("kind", RuleKind)
def test_a_rule_without_a_label_says_what_it_gives(kind: RuleKind) -> None:
    document, expected = OF_KIND[kind]
    assert expected in section("extraPoints", "de", version("r", kind, **document))
    said = rule_label(rule(kind, **document), currency="EUR", locale="de").replace(NBSP, " ")
    assert expected.partition(" (")[0] == said


@pytest.mark.parametrize("locale", [*LANGUAGES, "de-AT", "fr", "?"])
@pytest.mark.parametrize("labels", [{}, {"de": "Aktion", "en": "Offer", "fr": "Offre"}, {"pl": "Oferta"}])
@pytest.mark.parametrize("kind", RuleKind)
def test_no_internal_name_key_or_target_is_told(kind: RuleKind, labels: dict[str, str], locale: str) -> None:
    document = {**OF_KIND[kind][0], "name": "Secret margin push", "labels": labels}
    text = whole(guidelines(terms(version("key-17", kind, **document)), locale))
    told = f"{text} {rule_label(rule(kind, **document), currency='EUR', locale=locale)}"
    assert not re.search("secret|margin|push|key-17|sku-1", told, re.IGNORECASE)


def test_a_label_that_does_not_say_the_amount_is_completed() -> None:
    said: dict[str, Any] = {"points": 20, "targets": ["c"]}
    vague = version("a", "CATEGORY", labels={"de": "Wochen der Bücher", "en-GB": "Book weeks"}, **said)
    clear = version("a", "CATEGORY", labels={"de": "{points} Punkte auf Bücher"}, **said)
    assert "Wochen der Bücher: 20 Punkte je Stück aus" in section("extraPoints", "de", vague)
    assert section("extraPoints", "de", clear).endswith("20 Punkte auf Bücher")
    assert "Book weeks: 20 points" in section("extraPoints", "en-GB", vague)
    assert "Book weeks" not in section("extraPoints", "en", vague)
    assert "20 punktów za każdą sztukę" in section("extraPoints", "pl", vague)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"validUntil": "2026-12-31"}, ("bis zum 31. Dezember", "until December 31", "do 31 grudnia")),
        ({"weekdays": ["SUNDAY", "MONDAY"]}, ("Montag und Sonntag", "Monday and Sunday", "poniedziałek i niedz")),
        ({"holidays": "ALL"}, ("Feiertagen", "public holidays", "święta")),
        ({"stores": ["s1", "s2"]}, ("Mitte und Wedding", "Mitte and Wedding", "Mitte i Wedding")),
        ({"exitChannels": ["pick-up"]}, ("Lieferwege", "ways of ordering", "sposobów zamówienia")),
        ({"inclusiveOfRedeemedValue": True}, ("auch auf den Teil", "also for the part", "także za część")),
        ({"surchargeInBasis": True}, ("einschließlich Mindest", "including the surcharge", "wraz z dopłatą")),
        ({"deliveryFeeInBasis": True}, ("einschließlich Liefer", "including delivery", "wraz z kosztami")),
        ({"caps": {"perOrder": 1}}, ("höchstens 1 Punkt je", "most 1 point per order", "najwyżej 1 punkt za")),
        ({"caps": {"perDay": 3}}, ("höchstens 3 Punkte am Tag", "most 3 points a day", "najwyżej 3 punkty dz")),
        (
            {"caps": {"perMember": {"points": 5, "period": "YEAR"}}},
            ("5 Punkte im Kalenderjahr", "5 points a calendar year", "5 punktów w roku"),
        ),
        ({"availableAtOnce": True}, ("sofort verfügbar", "available at once", "dostępne od razu")),
        ({"expiry": {"days": 22}}, ("22 Tage gültig", "valid for 22 days", "ważne przez 22 dni")),
        ({"expiry": {"never": True}}, ("ohne Verfall", "without expiry", "bezterminowo")),
    ],
)
def test_when_and_where_a_rule_counts_is_said(document: dict[str, Any], words: tuple[str, str, str]) -> None:
    plain, changed = (version("c", "CART", moneyPerPoint="1", **more) for more in ({}, document))
    for language, expected in zip(LANGUAGES, words, strict=True):
        assert expected in section("extraPoints", language, changed)
        assert expected not in section("extraPoints", language, plain)


def test_only_rules_that_give_points_now_are_told() -> None:
    def cart(state: RuleState = RuleState.ACTIVE, **document: Any) -> str:
        return section("extraPoints", "en", version("c", "CART", 1, state, moneyPerPoint="1", **document))

    assert "1 point for every €1.00" in cart()
    assert cart(RuleState.INACTIVE) == cart(RuleState.DELETED) == ""
    assert cart(stores=[]) == cart(stores=["closed"]) == ""
    assert cart(validUntil="2026-03-03") == cart(validFrom="2026-03-05") == ""
    assert cart(expiry={"on": "2026-01-31"}) == ""
    stopped = terms(version("c", "CART", moneyPerPoint="1"), earns=False)
    assert stopped.rules == ()
    assert "no new points" in whole(guidelines(stopped, "en"))


def test_of_competing_rules_the_best_is_said_to_count() -> None:
    both = [version(key, "CART", n, moneyPerPoint="1") for n, key in enumerate("ab")]
    assert "gives the most points counts" in section("extraPoints", "en", *both)
    assert "gives the most points counts" not in section("extraPoints", "en", both[0])


@pytest.mark.parametrize(
    ("setting", "kind", "document"),
    [
        ({"basePointsPerOrder": 5}, "BASE", {"points": 3}),
        ({"signUpPoints": 5}, "REGISTRATION", {"points": 3}),
        ({"earnsFromRevenue": True}, "CART", {"moneyPerPoint": "1", "stackGroup": "revenue"}),
    ],
)
def test_what_the_settings_give_competes_too(setting: dict[str, Any], kind: str, document: dict[str, Any]) -> None:
    one = version("r", kind, **document)
    without = {"earnsFromRevenue": False}
    assert "gives the most points counts" in section("extraPoints", "en", one, **{**without, **setting})
    assert "gives the most points counts" not in section("extraPoints", "en", one, **without)


def test_a_sign_up_period_that_is_over_is_not_promised() -> None:
    march = {"signUpPoints": 100, "signUpUntil": "2026-03-31"}
    assert "100" in section("participation", "de", now=datetime(2026, 3, 31, 21, 59, tzinfo=UTC), **march)
    assert "100" not in section("participation", "de", now=datetime(2026, 3, 31, 22, 0, tzinfo=UTC), **march)


# --- locales and form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answered", "money"),
    [
        ("de", "de", f"1,00{NBSP}€"),
        ("de-AT", "de-AT", f"€{NBSP}1,00"),
        ("de-XX", "de", f"1,00{NBSP}€"),
        ("pl-PL", "pl-PL", f"1,00{NBSP}€"),
        ("en-GB", "en-GB", "€1.00"),
        ("fr", "en", "€1.00"),
        ("xx-YY", "en", "€1.00"),
        ("", "en", "€1.00"),
        ("../de", "en", "€1.00"),
        ("de" * 100_000, "en", "€1.00"),
    ],
)
def test_an_unknown_locale_falls_back_to_its_language_then_to_english(
    asked: str, answered: str, money: str
) -> None:
    said = guidelines(terms(), asked)
    assert said.locale == answered
    assert money in whole(said)


def test_what_a_merchant_wrote_stays_text() -> None:
    odd = "{{ 7 * 7 }} <b>{% block %}</b> # \\n x"
    rules = [version("a", "BASE", points=3, labels={"en": "<i>{points}</i>"})]
    programme = Terms.in_force(odd, "EUR", BERLIN, settings(), rules, now=OPEN_HOUR)
    said = guidelines(programme, "en")
    assert said.privacy.heading.endswith(f"“{odd}”")
    assert "<i>3</i>" in whole(said)


@given(DOCUMENTS, st.sampled_from(LANGUAGES), st.booleans(), st.sets(st.sampled_from(RuleKind)))
def test_any_settings_and_rules_make_clean_sentences(
    document: dict[str, Any],
    language: str,
    earns: bool,  # noqa: FBT001
    kinds: set[RuleKind],
) -> None:
    rules = [version(kind, kind, **OF_KIND[kind][0]) for kind in sorted(kinds)]
    said = guidelines(terms(*rules, earns=earns, **document), language)
    text = whole(said)
    assert not re.search(r"None|[{}]|  | [.,;:]|\.[^\W\d]|\(\)|[.,;]{2}", text)
    for one in (*said.sections, said.privacy):
        if one.key != "extraPoints":
            assert all(paragraph.endswith(".") for paragraph in one.paragraphs)
