"""The demo's first shop: a small coffee roastery, whose programme shows all there is."""

from typing import Any, Final

from pointbook.demo.shops import Article, Bought, Joined, Shop

_CONFIGURATION: Final[dict[str, Any]] = {
    "name": "Kaffeerösterei Morgenrot",
    "currency": "EUR",
    "timeZone": "Europe/Berlin",
    "locales": ["de", "en"],
    "settings": {
        "revenuePerPoint": "1.00",
        "valuePerPoint": "0.05",
        "basePointsPerOrder": 10,
        "signUpPoints": 50,
        "signUpAvailableAtOnce": True,
        "waitingTime": {"days": 14},
        "expiry": {"days": 365},
        "releaseParkedOnJoin": True,
    },
    "giftCards": [
        {
            "sku": "gift-card-5",
            "names": {"de": "Gutschein über 5 €", "en": "Gift card of €5"},
            "pricePoints": 100,
            "faceValue": "5.00",
            "validityDays": 1095,
        },
        {
            "sku": "gift-card-25",
            "names": {"de": "Gutschein über 25 €", "en": "Gift card of €25"},
            "pricePoints": 480,
            "faceValue": "25.00",
            "validityDays": 1095,
        },
    ],
    "exchangeItems": [
        {
            "sku": "cup",
            "names": {"de": "Becher aus Steingut", "en": "Stoneware cup"},
            "category": "kitchen",
            "pricePoints": 60,
            "maxPerOrder": 6,
        },
        {
            "sku": "tasting",
            "names": {"de": "Verkostung für zwei", "en": "Coffee tasting for two"},
            "category": "experience",
            "pricePoints": 400,
            "fee": "5.00",
            "maxPerMember": 2,
        },
    ],
    "stores": [{"id": "laden", "name": "Laden Fehrbelliner Straße"}, {"id": "web", "name": "Webshop"}],
    "rules": [
        {
            "key": "grinders",
            "rule": {
                "kind": "ARTICLE",
                "name": "clear the stock of grinders",
                "labels": {"de": "Mühlen: {points} Punkte extra", "en": "Grinders: {points} extra points"},
                "points": 50,
                "targets": ["grinder"],
            },
        },
        {
            "key": "course",
            "rule": {
                "kind": "SERVICE",
                "name": "fill the courses",
                "labels": {"de": "Barista-Kurs: {points} Punkte", "en": "Barista course: {points} points"},
                "points": 60,
                "targets": ["barista-course"],
            },
        },
        {
            "key": "weekend",
            "rule": {
                "kind": "MULTIPLIER",
                "name": "weekends are quiet in the web shop",
                "labels": {"de": "Am Wochenende das {factor}fache", "en": "{factor} times the points at weekends"},
                "factor": "2",
                "targets": ["REVENUE"],
                "weekdays": ["SATURDAY", "SUNDAY"],
            },
        },
    ],
}


ROASTERY: Final = Shop(
    key="morgenrot",
    kept_as="demo.json",
    slug="morgenrot",
    name="Kaffeerösterei Morgenrot",
    configuration=lambda: _CONFIGURATION,
    place={"store": "web"},
    articles=(
        Article("espresso-1000", {"de": "Espresso, 1 kg", "en": "Espresso, 1 kg", "pl": "Espresso, 1 kg"}, 2690),
        Article(
            "filter-500", {"de": "Filterkaffee, 500 g", "en": "Filter coffee, 500 g", "pl": "Kawa, 500 g"}, 1290
        ),
        Article(
            "decaf-250", {"de": "Entkoffeiniert, 250 g", "en": "Decaf, 250 g", "pl": "Bezkofeinowa, 250 g"}, 890
        ),
        Article("grinder", {"de": "Handmühle", "en": "Hand grinder", "pl": "Młynek ręczny"}, 8900),
        Article("filters", {"de": "Papierfilter", "en": "Paper filters", "pl": "Filtry papierowe"}, 390),
    ),
    services=(
        Article("barista-course", {"de": "Barista-Kurs", "en": "Barista course", "pl": "Kurs baristy"}, 4900),
    ),
    happenings=(
        Joined(10, "clara"),
        Bought(12, "clara", {"espresso-1000": 2, "filters": 1}),
        Bought(15, "clara", {"grinder": 1}),
        Bought(118, "clara", {"espresso-1000": 1, "decaf-250": 2}),
        Joined(140, "mia"),
        Bought(160, "mia", {"filter-500": 3}),
        Bought(241, "clara", {"filter-500": 2, "filters": 2}),
        Bought(300, "mia", {"espresso-1000": 1}),
        Bought(331, "clara", {"espresso-1000": 1, "filter-500": 1}, 120),
        Joined(345, "jonas"),
        Bought(348, "jonas", {"espresso-1000": 1}),
        Bought(355, "clara", {"espresso-1000": 3}),
        Bought(357, "lena", {"decaf-250": 4}),  # has not joined: parked until she does
    ),
)
