"""What a programme's conditions have to say: the settings and rules in force at an instant, and what follows.

No words are here; ``texts`` has them in each language. Of a rule only what is public is passed on there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pointbook.domain.programme_settings import PointValuePolicy, ProgrammeSettings
from pointbook.domain.rules import Rule, RuleKind, RuleVersion, giving
from pointbook.domain.rules.rule import DEFAULT_STACK_GROUPS, REVENUE_STACK_GROUP


@dataclass(frozen=True, slots=True)
class Terms:
    """``rules`` are those that give points today, oldest first; ``stores`` are names by id, of those not off."""

    programme: str
    currency: str
    time_zone: str
    settings: ProgrammeSettings
    rules: tuple[Rule, ...]
    stores: Mapping[str, str]
    today: date
    """In the programme's time zone."""
    earns: bool = True
    """False: earning has been stopped for the whole programme."""

    @classmethod
    def in_force(
        cls,
        programme: str,
        currency: str,
        zone: ZoneInfo,
        settings: ProgrammeSettings,
        versions: Iterable[RuleVersion] = (),
        *,
        now: datetime,
        stores: Mapping[str, str] | None = None,
        earns: bool = True,
    ) -> "Terms":
        """Terms at an instant; ``versions`` are all versions of all rules, ``settings`` those in force."""
        open_stores = stores or {}
        found = giving(versions, settings, zone, now=now, earns=earns, open_stores=open_stores)
        rules = tuple(version.rule for version in found)
        today = now.astimezone(zone).date()
        return cls(programme, currency, zone.key, settings, rules, open_stores, today, earns)

    @property
    def signs_up(self) -> bool:
        """The settings give points to whoever joins today or later."""
        last = self.settings.sign_up_until
        own = self.settings.sign_up_expiry or self.settings.expiry
        usable = own.on is None or own.on >= self.today
        return self.settings.sign_up_points > 0 and (last is None or last >= self.today) and usable

    @property
    def joining_earns(self) -> bool:
        return self.signs_up or any(rule.kind is RuleKind.REGISTRATION for rule in self.rules)

    @property
    def books(self) -> bool:
        """There are points for bookings."""
        return any(rule.kind is RuleKind.SERVICE for rule in self.rules)

    @property
    def stacks(self) -> bool:
        """Two rules compete, or one with what the settings give: of one stack group only the best gives points."""
        groups = [rule.stack_group for rule in self.rules if rule.stack_group]
        given = {
            REVENUE_STACK_GROUP: self.settings.earns_from_revenue,
            DEFAULT_STACK_GROUPS[RuleKind.BASE]: self.settings.base_points_per_order > 0,
            DEFAULT_STACK_GROUPS[RuleKind.REGISTRATION]: self.signs_up,
        }
        groups += [group for group, gives in given.items() if gives]
        return len(set(groups)) < len(groups)

    @property
    def pays_carts(self) -> bool:
        return self.settings.maximum_share_of_cart > 0

    @property
    def values_change(self) -> bool:
        """A new value per point counts for points that were earned before, too."""
        return self.pays_carts and self.settings.point_value_policy is PointValuePolicy.CURRENT

    def stores_of(self, rule: Rule) -> list[str] | None:
        """Names of the stores in which a rule gives points; None: everywhere."""
        return (
            None if rule.stores is None else [self.stores[store] for store in rule.stores if store in self.stores]
        )
