"""The programme as its members may see it: name, money, rules of spending."""

from datetime import date
from decimal import Decimal
from typing import Self

import strawberry

from pointbook.domain.access import ANYBODY
from pointbook.domain.calendar import CountsFrom, Expiry, WaitingUnit
from pointbook.domain.programme_settings import PointValuePolicy
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.money import main_units
from pointbook.graphql.policies import query_field
from pointbook.graphql.scalars import Points
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState, StoreSnapshot
from pointbook.services.rejoining import offered

described_enum(
    ProgrammeState,
    "What a programme does at present.",
    DRAFT="It is being set up; nobody joins, earns or redeems.",
    ACTIVE="Everything works.",
    EARNING_STOPPED="Nothing is earned any more; redeeming works.",
    CLOSED="It has ended.",
)
described_enum(
    PointValuePolicy,
    "Which value per point counts when points are redeemed.",
    AT_EARNING="The one in force when the points were earned.",
    CURRENT="Today's, for all points.",
)
described_enum(
    CountsFrom,
    "From when the days of an expiry are counted.",
    EARNING="From the instant the points were earned.",
    AVAILABILITY="From the instant the points became available.",
)
described_enum(
    WaitingUnit,
    "How a waiting time is counted.",
    HOURS="Exact hours.",
    DAYS="The same local time that many days later.",
)


@strawberry.type(description="A branch of the programme.")
class Store:
    id: strawberry.ID = strawberry.field(description="The shop's id of the store.")
    name: str = strawberry.field(description="What people call it.")
    time_zone: str = strawberry.field(description="IANA time zone.")
    active: bool = strawberry.field(description="Whether orders of this store earn.")

    @classmethod
    def of(cls, store: StoreSnapshot) -> Self:
        return cls(
            id=strawberry.ID(store.store_id), name=store.name, time_zone=store.time_zone, active=store.active
        )


@strawberry.type(description="How long points wait from earning until they can be spent.")
class Waiting:
    count: int = strawberry.field(description="How many hours or days; 0 = available at once.")
    unit: WaitingUnit = strawberry.field(description="What is counted.")


@strawberry.type(description="When points end. Neither days nor a date: never.")
class PointExpiry:
    days: int | None = strawberry.field(description="At the end of the local day this many days later.")
    on: date | None = strawberry.field(description="At the end of this local day.")
    counts_from: CountsFrom = strawberry.field(description="From when the days are counted.")

    @classmethod
    def of(cls, expiry: Expiry, counts_from: CountsFrom) -> Self:
        return cls(days=expiry.days, on=expiry.on, counts_from=counts_from)


async def _sign_up_points(root: "Programme", info: Info) -> Points:
    context, programme_id, points = info.context, info.context.principal.programme_id, root.granted_for_joining
    customer = context.principal.subject
    if customer is None or points == 0:
        return Points(points)
    if await context.installation.accounts.find(programme_id, customer) is not None:
        return Points(points)
    return Points(await offered(context.installation, programme_id, customer, points, now=context.now))


@strawberry.type(description="A merchant's loyalty programme, with the settings in force now.")
class Programme:
    name: str = strawberry.field(description="What members call it.")
    currency: str = strawberry.field(description="ISO 4217 code of all its amounts.")
    time_zone: str = strawberry.field(description="IANA time zone in which its days begin and end.")
    today: date = strawberry.field(description="Which day it is there.")
    locales: list[str] = strawberry.field(description="Languages of its texts (BCP 47), the first one by default.")
    state: ProgrammeState = strawberry.field(description="What it does at present.")
    sandbox: bool = strawberry.field(description="Whether it is for trying out.")
    point_value: Decimal = strawberry.field(description="What a point pays, in the currency's main unit.")
    point_value_policy: PointValuePolicy = strawberry.field(description="Which value per point counts.")
    revenue_per_point: Decimal = strawberry.field(
        description="Revenue that earns a point, in the currency's main unit."
    )
    discount_percent: Decimal = strawberry.field(
        description="The discount that the points amount to: point value by revenue per point, in per cent."
    )
    base_points_per_order: Points = strawberry.field(description="Points for every order that earns.")
    granted_for_joining: strawberry.Private[int]
    sign_up_points: Points = strawberry.field(
        resolver=_sign_up_points,
        description="Points for joining; 0 for a customer who left not long ago (within `rejoinBonusBlockDays`),"
        " as far as the id tells.",
    )
    waiting_time: Waiting = strawberry.field(description="From earning until points can be spent.")
    expiry: PointExpiry = strawberry.field(description="When points end.")
    expiring_window_days: int = strawberry.field(description="How far `expiringPoints` looks ahead by default.")
    hold_minutes: int = strawberry.field(description="How long points are held for a checkout.")
    hold_extensions_max: int = strawberry.field(description="How often the customer can extend that.")
    minimum_redemption_points: Points = strawberry.field(description="The fewest points that can be redeemed.")
    maximum_share_of_cart: int = strawberry.field(description="Per cent of a cart that points may pay.")
    exchange_minimum_points: Points = strawberry.field(description="The fewest points of an exchange order.")
    exchange_points_max: Points | None = strawberry.field(
        description="The most points of an exchange order; null: any number."
    )
    exchange_units_max: int | None = strawberry.field(
        description="The most pieces in an exchange order; null: any number."
    )
    stores: list[Store] = strawberry.field(description="Its branches, by their id.")

    @classmethod
    def of(cls, programme: ProgrammeSnapshot, info: Info) -> Self:
        now = info.context.now
        settings = programme.settings_at(now)
        return cls(
            name=programme.name,
            currency=programme.currency,
            time_zone=programme.time_zone,
            today=now.astimezone(programme.zone).date(),
            locales=list(programme.locales),
            state=programme.state,
            sandbox=programme.sandbox,
            point_value=main_units(settings.value_per_point, programme.currency),
            point_value_policy=settings.point_value_policy,
            revenue_per_point=main_units(settings.revenue_per_point, programme.currency),
            discount_percent=settings.discount_percent,
            base_points_per_order=Points(settings.base_points_per_order),
            granted_for_joining=settings.sign_up_points,
            waiting_time=Waiting(count=settings.waiting_time.count, unit=settings.waiting_time.unit),
            expiry=PointExpiry.of(settings.expiry, settings.expiry_counts_from),
            expiring_window_days=settings.expiring_window_days,
            hold_minutes=settings.hold_minutes,
            hold_extensions_max=settings.hold_extensions_max,
            minimum_redemption_points=Points(settings.minimum_redemption_points),
            maximum_share_of_cart=settings.maximum_share_of_cart,
            exchange_minimum_points=Points(settings.exchange_minimum_points),
            exchange_points_max=None
            if settings.exchange_points_max is None
            else Points(settings.exchange_points_max),
            exchange_units_max=settings.exchange_units_max,
            stores=[Store.of(store) for _, store in sorted(programme.stores.items())],
        )


@strawberry.type
class ProgrammeQuery:
    @query_field(ANYBODY, "The programme of the key, with the settings in force now.")
    async def programme(self, info: Info) -> Programme:
        context = info.context
        return Programme.of(await context.installation.programmes.get(context.principal.programme_id), info)
