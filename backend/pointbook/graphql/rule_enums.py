"""Words of earning rules that staff and customers read in the same sense, as enums of the schema."""

from pointbook.domain.money import Rounding
from pointbook.domain.rules import CapPeriod, RuleKind, Weekday, Why
from pointbook.graphql.described import described_enum

__all__ = ["CapPeriod", "Rounding", "RuleKind", "Weekday", "Why"]

described_enum(
    RuleKind,
    "What an earning rule gives points for.",
    ARTICLE="Per unit of an article.",
    PRODUCT_GROUP="Per unit of an article of a product group.",
    TOPPING="Per unit of a topping, by its article.",
    TOPPING_GROUP="Per unit of a topping, by its group.",
    CART="From the money of the whole order.",
    BASE="Per order.",
    REGISTRATION="Once, for joining.",
    SERVICE="Per booking of a service or class.",
    VARIATION="Extra points per unit of a variation.",
    CATEGORY="Extra points per unit of an article of a category; categories are product groups.",
    MULTIPLIER="Multiplies what the rules it names give.",
)
described_enum(
    Rounding,
    "What becomes of a fraction of a point.",
    HALF_UP="Commercial: half away from zero.",
    FLOOR="Only whole points count.",
    CEILING="A fraction gives a whole point.",
)
described_enum(Weekday, "A day of the week, local.", **{day.name: f"{day.name.capitalize()}." for day in Weekday})
described_enum(
    CapPeriod,
    "The local calendar period over which a member's points of one rule are capped.",
    WEEK="Monday to Sunday.",
    MONTH="A calendar month.",
    YEAR="A calendar year.",
    RULE="As long as there is the rule.",
)
described_enum(
    Why,
    "Why a rule gives nothing, or nothing for a line.",
    name="InertReason",
    NO_STORE="No open store is chosen.",
    INACTIVE="It is not active.",
    NOT_YET="It has not begun.",
    ENDED="Its period is over, or its points would end before they can be spent.",
    PROGRAMME_STOPPED="The programme does not earn at present.",
    STORE_OFF="The store is switched off: no rule earns there.",
    STORE="It is for other stores.",
    ENTRY_CHANNEL="It is for orders that come in another way.",
    EXIT_CHANNEL="It is for orders that leave another way.",
    PERIOD="The order lies outside its period.",
    DAY="It is for other days.",
    NO_TARGET="Nothing here is what it is for.",
    NOT_EARNING="The shop says that the line earns nothing.",
    NO_UNITS="The quantity is 0.",
    MENU="Menus and their parts are excluded.",
    SHOP_VOUCHER="A shop voucher excludes the line.",
    NOTHING_LEFT="Everything was returned.",
)
