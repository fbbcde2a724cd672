"""What a programme says of itself to everybody: its earning rules and its conditions."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import ANYBODY
from pointbook.domain.errors import InvalidInput
from pointbook.domain.rules import RuleVersion
from pointbook.graphql.connections import First, page_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.money import main_units
from pointbook.graphql.policies import query_field
from pointbook.graphql.programme import PointExpiry, Store
from pointbook.graphql.rule_documents import RuleCaps
from pointbook.graphql.rule_enums import RuleKind, Weekday
from pointbook.graphql.rule_names import Locale, RuleNames, RuleReference
from pointbook.graphql.scalars import Points
from pointbook.services import public_terms as service
from pointbook.services.directory import StoreSnapshot
from pointbook.texts import Guidelines as WrittenGuidelines
from pointbook.texts import Section

_PAGE = 20


@strawberry.type(description="An earning rule as customers may know it.")
class PublicRule(RuleReference):
    giving: strawberry.Private[service.GivingRules]
    version: strawberry.Private[RuleVersion]
    kind: RuleKind = strawberry.field(description="What it gives points for.")
    points: Points | None = strawberry.field(
        description="Points for each unit, order, joining or booking; null for CART and MULTIPLIER."
    )
    money_per_point: Decimal | None = strawberry.field(
        description="CART: money that earns a point, in the currency's main unit."
    )
    factor: Decimal | None = strawberry.field(description="MULTIPLIER: what points are multiplied by.")
    target_count: int = strawberry.field(description="How many things it is for; 0 for whole orders and joining.")
    store_count: int | None = strawberry.field(description="In how many stores it gives points; null: in all.")
    excludes_menus: bool = strawberry.field(description="Whether it is not for menus and what is part of one.")
    entry_channels: list[str] | None = strawberry.field(
        description="How orders have to come in; null: in any way."
    )
    exit_channels: list[str] | None = strawberry.field(description="How orders have to leave; null: in any way.")
    valid_from: date | None = strawberry.field(description="First local day; null: open.")
    valid_until: date | None = strawberry.field(description="Last local day; null: open.")
    weekdays: list[Weekday] = strawberry.field(
        description="The days of the week on which it gives points; with none and no holiday, it does every day."
    )
    holidays: list[str] | None = strawberry.field(
        description="Names of holidays on which it gives points too; null: all of the store's."
    )
    available_at_once: bool = strawberry.field(description="Whether its points skip the waiting time.")
    expiry: PointExpiry | None = strawberry.field(
        description="When its points end; null: as the programme's other points."
    )
    caps: RuleCaps = strawberry.field(description="The most points it gives.")

    @classmethod
    def of(cls, version: RuleVersion, giving: service.GivingRules, names: RuleNames) -> Self:
        rule, currency, stores = version.rule, giving.programme.currency, giving.stores_of(version)
        return cls(
            key=version.key,
            names=names,
            giving=giving,
            version=version,
            kind=rule.kind,
            points=_points(rule.points),
            money_per_point=None if rule.money_per_point is None else main_units(rule.money_per_point, currency),
            factor=rule.factor,
            target_count=0 if rule.kind is RuleKind.MULTIPLIER else len(rule.targets),
            store_count=None if stores is None else len(stores),
            excludes_menus=rule.excludes_menus,
            entry_channels=None if rule.entry_channels is None else list(rule.entry_channels),
            exit_channels=None if rule.exit_channels is None else list(rule.exit_channels),
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
            weekdays=list(rule.weekdays),
            holidays=None if rule.holidays is None else list(rule.holidays),
            available_at_once=rule.available_at_once,
            expiry=None
            if rule.expiry is None
            else PointExpiry.of(rule.expiry, giving.settings.expiry_counts_from),
            caps=RuleCaps.of(rule.caps),
        )

    @described("The shop's ids of what it is for: articles, groups, toppings, services. Empty for a MULTIPLIER.")
    def targets(self, first: First = _PAGE) -> list[str]:
        return [] if self.kind is RuleKind.MULTIPLIER else page_of(self.version.rule.targets, first)

    @described("MULTIPLIER: the rules whose points it multiplies; only those that give points now.")
    def multiplies(self, first: First = _PAGE) -> list[RuleReference]:
        if self.kind is not RuleKind.MULTIPLIER:
            return []
        given = self.giving.keys
        keys = [key for key in self.version.rule.targets if key in given]
        return [RuleReference(key=key, names=self.names) for key in page_of(keys, first)]

    @described("The stores in which it gives points, without those that are switched off; null: in all.")
    def stores(self, first: First = _PAGE) -> list[Store] | None:
        stores: list[StoreSnapshot] | None = self.giving.stores_of(self.version)
        return None if stores is None else [Store.of(store) for store in page_of(stores, first)]


@strawberry.type(description="A part of a programme's conditions; plain text.")
class GuidelinesSection:
    key: str = strawberry.field(description="Names the part, the same in every language.")
    heading: str = strawberry.field(description="Its heading.")
    paragraphs: list[str] = strawberry.field(description="Its paragraphs.")

    @classmethod
    def of(cls, section: Section) -> Self:
        return cls(key=section.key, heading=section.heading, paragraphs=list(section.paragraphs))


@strawberry.type(
    description="A programme's conditions, written from the settings and rules in force. They say what the"
    " programme does; whether a merchant owes customers more than that, a lawyer says."
)
class Guidelines:
    locale: str = strawberry.field(description="The language they are written in (BCP 47).")
    sections: list[GuidelinesSection] = strawberry.field(
        description="In the order of reading; one that has nothing to say is left out."
    )
    privacy: GuidelinesSection = strawberry.field(
        description="For the shop's privacy policy: which data, for what, how long."
    )

    @classmethod
    def of(cls, written: WrittenGuidelines) -> Self:
        return cls(
            locale=written.locale,
            sections=[GuidelinesSection.of(section) for section in written.sections],
            privacy=GuidelinesSection.of(written.privacy),
        )


@strawberry.type
class PublicTermsQuery:
    @query_field(
        ANYBODY,
        "The earning rules that give points now, the oldest first. What the settings give is in `programme`.",
    )
    async def rules(
        self,
        info: Info,
        locale: Locale = None,
        first: First = _PAGE,
        after: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what follows the rule with this id.")
        ] = None,
    ) -> list[PublicRule]:
        context = info.context
        giving = await service.giving_rules(context.installation, context.principal.programme_id, now=context.now)
        known = {version.key: version.rule for version in giving.versions}
        names = RuleNames.of(info, giving.programme, giving.settings, locale, known)
        following = list(giving.versions)
        if after is not None:
            ids = [names.id(version.key) for version in following]
            if after not in ids:
                raise InvalidInput("after", "is not the id of a rule that gives points now")
            following = following[ids.index(after) + 1 :]
        return [PublicRule.of(version, giving, names) for version in page_of(following, first)]

    @query_field(ANYBODY, "The programme's conditions in words, as they are now.")
    async def guidelines(self, info: Info, locale: Locale = None) -> Guidelines:
        context = info.context
        return Guidelines.of(
            await service.programme_guidelines(
                context.installation, context.principal.programme_id, locale, now=context.now
            )
        )


def _points(points: int | None) -> Points | None:
    return None if points is None else Points(points)
