"""The content of an earning rule, as staff write it and see it."""

from datetime import date
from decimal import Decimal
from typing import Any, Self

import strawberry

from pointbook.domain.rules import Caps, Rule
from pointbook.graphql.inputs import document_of
from pointbook.graphql.money import main_units
from pointbook.graphql.rule_enums import CapPeriod, Rounding, RuleKind, Weekday
from pointbook.graphql.scalars import Points
from pointbook.graphql.values import (
    Choice,
    ChoiceInput,
    Ending,
    EndingInput,
    LocalizedText,
    LocalizedTextInput,
    texts_document,
)


@strawberry.type(description="The most points that a rule gives one member in a period.")
class MemberCap:
    points: Points = strawberry.field(description="Whole points, after rounding.")
    period: CapPeriod = strawberry.field(description="The period.")


@strawberry.input(description="The most points that a rule gives one member in a period.")
class MemberCapInput:
    points: Points = strawberry.field(description="Whole points, after rounding.")
    period: CapPeriod = strawberry.field(description="The period.")


@strawberry.type(description="The most points that a rule gives. Null: no limit.")
class RuleCaps:
    per_order: Points | None = strawberry.field(description="For one order.")
    per_day: Points | None = strawberry.field(description="To one member on one local day.")
    per_member: MemberCap | None = strawberry.field(description="To one member in a period.")

    @classmethod
    def of(cls, caps: Caps) -> Self:
        member = None
        if caps.per_member is not None:
            assert caps.period is not None, "a member's cap has a period"
            member = MemberCap(points=Points(caps.per_member), period=caps.period)
        return cls(per_order=_points(caps.per_order), per_day=_points(caps.per_day), per_member=member)


@strawberry.input(description="The most points that a rule gives. Left out: no limit.")
class RuleCapsInput:
    per_order: Points | None = strawberry.field(default=None, description="For one order.")
    per_day: Points | None = strawberry.field(default=None, description="To one member on one local day.")
    per_member: MemberCapInput | None = strawberry.field(default=None, description="To one member in a period.")


@strawberry.input(
    description="What an earning rule says. A kind has fields of its own: one of another kind is refused. What is "
    "left out has its default."
)
class RuleInput:
    kind: RuleKind = strawberry.field(description="What it gives points for; it never changes.")
    name: str = strawberry.field(description="For the staff; no customer sees it.")
    labels: list[LocalizedTextInput] | None = strawberry.field(
        default=None,
        description="What customers read, by language. May hold {points}; of a CART rule {moneyPerPoint}, of a "
        "MULTIPLIER {factor}. Without one a text is made of what the rule gives.",
    )
    points: Points | None = strawberry.field(
        default=None, description="Per unit, order, joining or booking; not for CART and MULTIPLIER."
    )
    money_per_point: Decimal | None = strawberry.field(
        default=None, description="CART: the money that earns a point, in the currency's main unit."
    )
    factor: Decimal | None = strawberry.field(
        default=None, description="MULTIPLIER: up to 100, with at most 4 places."
    )
    targets: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="The shop's ids of what it is for: articles, groups, variations, services. Of a MULTIPLIER "
        "keys of rules, or REVENUE, BASE, SIGN_UP.",
    )
    rounding: Rounding | None = strawberry.field(
        default=None, description="What becomes of a fraction; HALF_UP by default."
    )
    stack_group: str | None = strawberry.field(
        default=None,
        description="Of rules of one group only the best gives points, for each unit or order; groups add up. By "
        "default the kind's own.",
    )
    excludes_menus: bool | None = strawberry.field(
        default=None, description="Menus, and what is part of one, earn nothing by this rule."
    )
    exclusive_voucher_types: list[str] | None = strawberry.field(
        default=None,
        description="Lines that a shop voucher of one of these types names earn nothing by this rule.",
    )
    inclusive_of_redeemed_value: bool | None = strawberry.field(
        default=None, description="CART: what points pay earns as if it were paid with money."
    )
    surcharge_in_basis: bool | None = strawberry.field(
        default=None, description="CART: the minimum-order surcharge earns too."
    )
    delivery_fee_in_basis: bool | None = strawberry.field(
        default=None, description="CART: the delivery fee earns too."
    )
    available_at_once: bool | None = strawberry.field(
        default=None, description="Its points skip the programme's waiting time."
    )
    expiry: EndingInput | None = strawberry.field(
        default=None, description="When its points end; by default as all others of the programme."
    )
    stores: ChoiceInput | None = strawberry.field(
        default=None, description="Stores by id, all by default. None: the rule is inert."
    )
    entry_channels: ChoiceInput | None = strawberry.field(
        default=None, description="How orders come in, all by default."
    )
    exit_channels: ChoiceInput | None = strawberry.field(
        default=None, description="How orders leave the store, all by default."
    )
    valid_from: date | None = strawberry.field(default=None, description="First local day; left out: open.")
    valid_until: date | None = strawberry.field(default=None, description="Last local day; left out: open.")
    weekdays: list[Weekday] | None = strawberry.field(
        default=None, description="With no weekday and no holiday chosen, every day counts."
    )
    holidays: ChoiceInput | None = strawberry.field(
        default=None, description="Names of holidays of the store, on which it counts too."
    )
    caps: RuleCapsInput | None = strawberry.field(default=None, description="The most points that it gives.")


@strawberry.type(description="What an earning rule says. Fields of other kinds are null.")
class RuleContent:
    kind: RuleKind = strawberry.field(description="What it gives points for.")
    name: str = strawberry.field(description="For the staff; no customer sees it.")
    labels: list[LocalizedText] = strawberry.field(description="What customers read, by language.")
    points: Points | None = strawberry.field(description="Per unit, order, joining or booking.")
    money_per_point: Decimal | None = strawberry.field(
        description="CART: the money that earns a point, in the currency's main unit."
    )
    factor: Decimal | None = strawberry.field(description="MULTIPLIER: by what it multiplies.")
    targets: list[strawberry.ID] = strawberry.field(description="The shop's ids of what it is for.")
    rounding: Rounding = strawberry.field(description="What becomes of a fraction of a point.")
    stack_group: str = strawberry.field(description="Of rules of one group only the best gives points.")
    excludes_menus: bool = strawberry.field(description="Menus and their parts earn nothing by it.")
    exclusive_voucher_types: list[str] = strawberry.field(
        description="Lines that a shop voucher of one of these types names earn nothing by it."
    )
    inclusive_of_redeemed_value: bool = strawberry.field(description="What points pay earns as money does.")
    surcharge_in_basis: bool = strawberry.field(description="The minimum-order surcharge earns too.")
    delivery_fee_in_basis: bool = strawberry.field(description="The delivery fee earns too.")
    available_at_once: bool = strawberry.field(description="Its points skip the waiting time.")
    expiry: Ending | None = strawberry.field(description="When its points end; null: as all others.")
    stores: Choice = strawberry.field(description="Stores by id.")
    entry_channels: Choice = strawberry.field(description="How orders come in.")
    exit_channels: Choice = strawberry.field(description="How orders leave the store.")
    valid_from: date | None = strawberry.field(description="First local day; null: open.")
    valid_until: date | None = strawberry.field(description="Last local day; null: open.")
    weekdays: list[Weekday] = strawberry.field(description="The weekdays chosen.")
    holidays: Choice = strawberry.field(description="Names of holidays on which it counts too.")
    caps: RuleCaps = strawberry.field(description="The most points that it gives.")

    @classmethod
    def of(cls, rule: Rule, currency: str) -> Self:
        return cls(
            kind=rule.kind,
            name=rule.name,
            labels=LocalizedText.list_of(rule.labels),
            points=_points(rule.points),
            money_per_point=None if rule.money_per_point is None else main_units(rule.money_per_point, currency),
            factor=rule.factor,
            targets=[strawberry.ID(target) for target in rule.targets],
            rounding=rule.rounding,
            stack_group=rule.stack_group,
            excludes_menus=rule.excludes_menus,
            exclusive_voucher_types=list(rule.exclusive_voucher_types),
            inclusive_of_redeemed_value=rule.inclusive_of_redeemed_value,
            surcharge_in_basis=rule.surcharge_in_basis,
            delivery_fee_in_basis=rule.delivery_fee_in_basis,
            available_at_once=rule.available_at_once,
            expiry=None if rule.expiry is None else Ending.of(rule.expiry),
            stores=Choice.of(rule.stores),
            entry_channels=Choice.of(rule.entry_channels),
            exit_channels=Choice.of(rule.exit_channels),
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
            weekdays=list(rule.weekdays),
            holidays=Choice.of(rule.holidays),
            caps=RuleCaps.of(rule.caps),
        )


def rule_document(given: RuleInput) -> dict[str, Any]:
    """The document that ``read_rule`` reads. Raises InvalidInput where GraphQL's types leave a choice open."""
    document: dict[str, Any] = document_of(given)
    choices = {
        "stores": given.stores,
        "entryChannels": given.entry_channels,
        "exitChannels": given.exit_channels,
        "holidays": given.holidays,
    }
    document |= {field: choice.document(field) for field, choice in choices.items() if choice is not None}
    days = {"validFrom": given.valid_from, "validUntil": given.valid_until}
    document |= {field: day.isoformat() for field, day in days.items() if day is not None}
    if given.labels is not None:
        document["labels"] = texts_document("labels", given.labels)
    if given.expiry is not None:
        document["expiry"] = given.expiry.document()
    return document


def _points(count: int | None) -> Points | None:
    return None if count is None else Points(count)
