"""A shop for each preset: the preset as it ships, with the shop's own ids in its rules and its offers on sale."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pointbook.demo.shops import Article, Booked, Bought, Joined, Shop
from pointbook.presets import preset_document


def _set_up(preset: str, name: str, targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """``targets``: of which goods of the shop a rule of the preset speaks, by the rule's key."""
    document = preset_document(preset)
    for rule in document.get("rules", []):
        if rule["key"] in targets:
            rule["state"] = "ACTIVE"
            rule["rule"]["targets"] = list(targets[rule["key"]])
    for offer in (*document.get("giftCards", []), *document.get("exchangeItems", [])):
        offer["active"] = True
    return {**document, "name": name}


_LINDENHOF: Final = "Teehaus Lindenhof"
_TEA: Final = Shop(
    key="loyalista",
    kept_as="demo-loyalista.json",
    slug="lindenhof",
    name=_LINDENHOF,
    configuration=lambda: _set_up(
        "loyalista", _LINDENHOF, {"category-extra": ["green-tea"], "variation-extra": ["teapot-red"]}
    ),
    articles=(
        Article(
            "sencha",
            {"de": "Sencha, 100 g", "en": "Sencha, 100 g", "pl": "Sencha, 100 g"},
            1490,
            {"productGroupIds": ["green-tea"]},
        ),
        Article(
            "darjeeling", {"de": "Darjeeling, 250 g", "en": "Darjeeling, 250 g", "pl": "Darjeeling, 250 g"}, 2190
        ),
        Article(
            "teapot",
            {"de": "Teekanne, rot", "en": "Teapot, red", "pl": "Czajniczek, czerwony"},
            5900,
            {"variationId": "teapot-red"},
        ),
    ),
    happenings=(
        Joined(20, "clara"),
        Bought(30, "clara", {"teapot": 2, "sencha": 4}),
        Joined(120, "mia"),
        Bought(130, "mia", {"darjeeling": 3}),
        Bought(260, "clara", {"darjeeling": 4}),
        Bought(322, "clara", {"sencha": 1, "darjeeling": 1}, 100),
        Bought(350, "mia", {"sencha": 2}),
    ),
)

_FORNO: Final = "Pizzeria Forno"
_PIZZA: Final = Shop(
    key="sides",
    kept_as="demo-sides.json",
    slug="forno",
    name=_FORNO,
    configuration=lambda: _set_up(
        "sides",
        _FORNO,
        {"article": ["quattro"], "group": ["pizzas"], "topping": ["mozzarella"], "topping-group": ["cheeses"]},
    ),
    place={"store": "mitte", "entryChannel": "web shop", "exitChannel": "delivery"},
    articles=(
        Article(
            "margherita",
            {"de": "Pizza Margherita", "en": "Pizza Margherita", "pl": "Pizza Margherita"},
            950,
            {"productGroupIds": ["pizzas"]},
        ),
        Article(
            "quattro",
            {"de": "Pizza Quattro Stagioni", "en": "Pizza Quattro Stagioni", "pl": "Pizza Quattro Stagioni"},
            1290,
            {"productGroupIds": ["pizzas"]},
        ),
        Article(
            "mozzarella",
            {"de": "Extra Mozzarella", "en": "Extra mozzarella", "pl": "Dodatkowa mozzarella"},
            150,
            {"kind": "TOPPING", "toppingGroupId": "cheeses"},
        ),
        Article("lemonade", {"de": "Limonade", "en": "Lemonade", "pl": "Lemoniada"}, 390),
    ),
    happenings=(
        Joined(15, "clara"),
        Bought(40, "clara", {"quattro": 2, "mozzarella": 1}),
        Joined(200, "mia"),
        Bought(210, "mia", {"margherita": 2, "lemonade": 2}),
        Bought(330, "clara", {"margherita": 3, "lemonade": 1}),
        Bought(352, "clara", {"quattro": 1}, 40),
    ),
)

_KWADRAT: Final = "Sklep Kwadrat"
_OFFICE: Final = Shop(
    key="azpl",
    kept_as="demo-azpl.json",
    slug="kwadrat",
    name=_KWADRAT,
    configuration=lambda: _set_up("azpl", _KWADRAT, {}),
    currency="PLN",
    articles=(
        Article("chair", {"pl": "Fotel biurowy", "en": "Office chair", "de": "Bürostuhl"}, 89900),
        Article("lamp", {"pl": "Lampka na biurko", "en": "Desk lamp", "de": "Schreibtischlampe"}, 14900),
        Article("paper", {"pl": "Papier A4, 5 ryz", "en": "A4 paper, 5 reams", "de": "Papier A4, 5 Pakete"}, 9900),
    ),
    happenings=(
        Joined(5, "clara"),
        Bought(60, "clara", {"chair": 4, "lamp": 4}),
        Joined(180, "mia"),
        Bought(190, "mia", {"lamp": 2, "paper": 3}),
        Bought(340, "clara", {"paper": 6}),
    ),
)

_AHORN: Final = "Studio Ahorn"
_STUDIO: Final = Shop(
    key="simplybook",
    kept_as="demo-simplybook.json",
    slug="ahorn",
    name=_AHORN,
    configuration=lambda: _set_up("simplybook", _AHORN, {"service": ["massage", "haircut"], "class": ["yoga"]}),
    services=(
        Article("massage", {"de": "Massage", "en": "Massage", "pl": "Masaż"}, 7500),
        Article("haircut", {"de": "Haarschnitt", "en": "Haircut", "pl": "Strzyżenie"}, 3900),
        Article("yoga", {"de": "Yoga-Kurs", "en": "Yoga class", "pl": "Zajęcia jogi"}, 1500),
    ),
    happenings=(
        Joined(8, "clara"),
        *(Booked(20 + 14 * number, "clara", "massage") for number in range(21)),
        Joined(150, "mia"),
        *(Booked(160 + 14 * number, "mia", "yoga") for number in range(6)),
    ),
)

PRESET_SHOPS: Final = (_TEA, _PIZZA, _OFFICE, _STUDIO)
