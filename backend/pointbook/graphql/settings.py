"""A programme's settings as the staff keep them: each by its name, changed in versions.

One table says what each setting is; the type that shows settings and the input that changes them are made of it.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, NamedTuple, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.calendar import CountsFrom
from pointbook.domain.errors import refusals_under
from pointbook.domain.money import Rounding
from pointbook.domain.programme_settings import (
    Clawback,
    PointValuePolicy,
    ProgrammeSettings,
    RefundSplit,
    SettingsVersion,
)
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import EditConflict, InvalidInput
from pointbook.graphql.inputs import camel
from pointbook.graphql.money import main_units
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.programme import Waiting
from pointbook.graphql.return_types import EffectOfType, EffectOfTypeInput, effects_document
from pointbook.graphql.scalars import Points
from pointbook.graphql.values import Ending, EndingInput, LocalizedText, LocalizedTextInput, texts_document
from pointbook.services import settings_versions as service
from pointbook.services.directory import ProgrammeSnapshot

_VERSIONS_PAGE = 20
_CURSOR = "settings"

described_enum(
    RefundSplit,
    "What a return gives back first when an order was paid with money and points.",
    PROPORTIONAL="Money and points in the order's proportion.",
    POINTS_FIRST="Points, then money.",
    MONEY_FIRST="Money, then points.",
)
described_enum(
    Clawback,
    "From what points are taken back that a returned order had earned.",
    ALLOW_NEGATIVE="From what the member has; what is missing becomes debt.",
    WITHIN_BALANCE="From what the member has, and no more.",
    ONLY_PENDING="From points that are not available yet.",
)


@strawberry.input(description="How long points wait until they can be spent: exactly one of these.")
class WaitingTimeInput:
    hours: int | None = strawberry.field(default=None, description="Exact hours, up to 87,600; 0 = at once.")
    days: int | None = strawberry.field(
        default=None, description="The same local time that many days later, up to 3,650; 0 = at once."
    )

    def document(self) -> dict[str, int]:
        given = {"hours": self.hours, "days": self.days}
        return {unit: count for unit, count in given.items() if count is not None}


class _Form(NamedTuple):
    """How a kind of setting is shown and written; ``show`` is given the value and the programme's currency."""

    shown: Any
    show: Callable[[Any, str], Any]
    written: Any
    write: Callable[[str, Any], Any] = lambda _field, value: value


def _is(kind: Any) -> _Form:
    return _Form(
        kind, lambda value, _: value, kind, lambda _, value: value.value if isinstance(value, Enum) else value
    )


_RATE: Final = _Form(Decimal, main_units, Decimal)
_DAY: Final = _Form(date | None, lambda day, _: day, date, lambda _, day: day.isoformat())
_WAITING: Final = _Form(
    Waiting,
    lambda waiting, _: Waiting(count=waiting.count, unit=waiting.unit),
    WaitingTimeInput,
    lambda _, waiting: waiting.document(),
)
_ENDING: Final = _Form(
    Ending, lambda expiry, _: Ending.of(expiry), EndingInput, lambda _, ending: ending.document()
)
_OWN_ENDING: Final = _ENDING._replace(
    shown=Ending | None, show=lambda expiry, _: None if expiry is None else Ending.of(expiry)
)
_WORDS: Final = _Form(list[str], lambda words, _: list(words), list[str])
_NUMBERS: Final = _Form(list[int], lambda numbers, _: list(numbers), list[int])
_TEXTS: Final = _Form(
    list[LocalizedText], lambda texts, _: LocalizedText.list_of(texts), list[LocalizedTextInput], texts_document
)
_EFFECTS: Final = _Form(
    list[EffectOfType], lambda effects, _: EffectOfType.list_of(effects), list[EffectOfTypeInput], effects_document
)
_BOOL, _INT, _POINTS = _is(bool), _is(int), _is(Points)
_MOST, _MOST_POINTS = _INT._replace(shown=int | None), _POINTS._replace(shown=Points | None)

SETTINGS: Final[Mapping[str, tuple[_Form, str]]] = {
    "revenue_per_point": (_RATE, "Revenue that earns a point, in the currency's main unit; with 6 places."),
    "value_per_point": (_RATE, "What a point pays, in the currency's main unit; with 6 places."),
    "point_value_policy": (_is(PointValuePolicy), "Which value per point counts when points are redeemed."),
    "earns_from_revenue": (_BOOL, "Whether revenue earns points; off where only earning rules give points."),
    "revenue_rounding": (_is(Rounding), "What becomes of a fraction of a point from revenue, once per order."),
    "base_points_per_order": (_POINTS, "Points for every order that earns."),
    "sign_up_points": (_POINTS, "Points for joining, once."),
    "sign_up_available_at_once": (_BOOL, "Sign-up points skip the waiting time."),
    "sign_up_from": (_DAY, "First local day on which joining gives points; null: open."),
    "sign_up_until": (_DAY, "Last local day on which joining gives points; null: open."),
    "sign_up_expiry": (_OWN_ENDING, "When sign-up points end; null: as all others."),
    "waiting_time": (_WAITING, "From earning until points can be spent; it must end before they do."),
    "expiry": (_ENDING, "When points end."),
    "expiry_counts_from": (_is(CountsFrom), "From when the days of the expiry are counted."),
    "net_basis": (_BOOL, "Revenue points come from net amounts instead of gross ones."),
    "shipping_in_basis": (_BOOL, "The delivery fee earns revenue points too."),
    "surcharge_in_basis": (_BOOL, "The minimum-order surcharge earns revenue points too."),
    "qualifying_statuses": (_WORDS, "The shop's statuses under which an order earns, letter by letter."),
    "type_effects": (
        _EFFECTS,
        "What return documents that arrive by themselves reverse; a type not named reverses both.",
    ),
    "hold_minutes": (_INT, "How long points are held for a checkout, 1 to 60 minutes."),
    "hold_extensions_max": (_INT, "How often the customer can extend that, 0 to 20 times."),
    "minimum_redemption_points": (_POINTS, "The fewest points that can be redeemed."),
    "maximum_share_of_cart": (_INT, "Per cent of a cart that points may pay; 0: points pay no carts."),
    "exchange_minimum_points": (_POINTS, "The fewest points of an exchange order."),
    "exchange_points_max": (_MOST_POINTS, "The most points of an exchange order; null: any number."),
    "exchange_units_max": (_MOST, "The most pieces in an exchange order, 1 to 50,000; null: any number."),
    "expiring_window_days": (_INT, "How far `expiringPoints` looks ahead by default, 1 to 365 days."),
    "expiry_notice_days": (
        _NUMBERS,
        "How many days before points expire members who want it are told by mail: at most 5 numbers, 1 to 365.",
    ),
    "release_parked_on_join": (_BOOL, "Orders from before their customer joined earn when the customer does."),
    "adjustment_max_points": (
        _MOST_POINTS,
        f"The most points that staff move by hand at once without `{Right.ADJUST_ABOVE_LIMIT}`; null: any number.",
    ),
    "rejoin_bonus_block_days": (_INT, "Days after leaving in which joining again gives no points; 0 = off."),
    "refund_split": (_is(RefundSplit), "What a return gives back first when points paid a part."),
    "clawback": (_is(Clawback), "From what points are taken back that a returned order had earned."),
    "give_back_grace_days": (_INT, "How long points given back can be used if theirs have ended; 0 = not at all."),
    "merge_reverses_sign_up_bonus": (_BOOL, "Of two merged accounts' sign-up points, one's are taken back."),
    "booking_delay_minutes": (_INT, "From an appointment's end until its points are available, 180 to 240."),
    "booking_needs_completion": (_BOOL, "A booking earns when it is reported as completed, not when booked."),
    "standard_points_text": (_TEXTS, "What a product page says of standard points, by language."),
    "extra_points_text": (_TEXTS, "What it appends when a product earns extra points, by language."),
}
"""By the name in ``ProgrammeSettings``."""


def _made_type() -> Any:
    fields = {name: strawberry.field(description=text) for name, (_, text) in SETTINGS.items()}
    annotations = {name: form.shown for name, (form, _) in SETTINGS.items()}
    made = type("Settings", (), {**fields, "__annotations__": annotations, "__module__": __name__})
    return strawberry.type(made, description="All settings of a programme.")


def _made_input() -> Any:
    fields = {
        name: strawberry.field(default=strawberry.UNSET, description=text) for name, (_, text) in SETTINGS.items()
    }
    annotations = {name: form.written | None for name, (form, _) in SETTINGS.items()}
    made = type("SettingsInput", (), {**fields, "__annotations__": annotations, "__module__": __name__})
    return strawberry.input(
        made,
        description="Settings to change; what is left out stays. Null is for what may be open or as all others.",
    )


_Settings, _SettingsInput = _made_type(), _made_input()


def _shown(settings: ProgrammeSettings, currency: str) -> Any:
    values = {name: form.show(getattr(settings, name), currency) for name, (form, _) in SETTINGS.items()}
    return _Settings(**values)


def _document(given: Any) -> dict[str, Any]:
    """Raises InvalidInput naming the setting."""
    document: dict[str, Any] = {}
    for name, (form, _) in SETTINGS.items():
        value = getattr(given, name)
        if value is not strawberry.UNSET:
            field = camel(name)
            document[field] = None if value is None else form.write(field, value)
    return document


@strawberry.type(
    name="SettingsVersion", description="The settings from an instant on. Versions are never changed."
)
class SettingsVersionView:
    version: int = strawberry.field(description="Its number; name the newest in a change.")
    effective_from: datetime = strawberry.field(description="When it comes into force.")
    settings: Any = strawberry.field(graphql_type=_Settings, description="The settings.")

    @classmethod
    def of(cls, version: SettingsVersion, currency: str) -> Self:
        return cls(
            version=version.version,
            effective_from=version.effective_from,
            settings=_shown(version.settings, currency),
        )


@strawberry.type(name="ProgrammeSettings", description="A programme's settings, now and to come.")
class ProgrammeSettingsView:
    in_force: SettingsVersionView = strawberry.field(description="What counts now.")
    newest: SettingsVersionView = strawberry.field(
        description="The version to name in a change; it may still be to come into force."
    )


@strawberry.input(description="Which settings to change, from when on.")
class ChangeSettingsInput:
    version: int = strawberry.field(
        description="The newest version that you have seen. If there is a newer one by now, nothing is changed."
    )
    settings: Any = strawberry.field(graphql_type=_SettingsInput, description="The settings to change.")
    effective_from: datetime | None = strawberry.field(
        default=None,
        description="From when on, at most 10 years ahead. Null: as soon as every process knows, 5 seconds. What "
        "is planned for later gets the same change.",
    )


@strawberry.type(description="The settings are changed, or will be.")
class ChangeSettingsSuccess:
    newest: SettingsVersionView = strawberry.field(
        description="The new version; of several, because others are planned, the first. If everything is so "
        "already, no version is made, and this is the one that counts then."
    )


ChangeSettingsResult = Annotated[
    ChangeSettingsSuccess | InvalidInput | EditConflict,
    strawberry.union("ChangeSettingsResult", description="The new version, or why there is none."),
]


@strawberry.input(description="Which plans to give up.")
class WithdrawSettingsInput:
    version: int = strawberry.field(
        description="The newest version that you have seen. If there is a newer one by now, nothing is changed."
    )


@strawberry.type(description="What was planned does not come into force.")
class WithdrawSettingsSuccess:
    newest: SettingsVersionView = strawberry.field(description="The version in place of the last plan.")


WithdrawSettingsResult = Annotated[
    WithdrawSettingsSuccess | InvalidInput | EditConflict,
    strawberry.union("WithdrawSettingsResult", description="The newest version, or why plans stay."),
]


@strawberry.type
class SettingsQuery:
    @query_field(staff(Right.LIST_PROVISION), "The programme's settings: those in force, and the newest.")
    async def settings(self, info: Info) -> ProgrammeSettingsView:
        programme = await _current(info)
        return ProgrammeSettingsView(
            in_force=SettingsVersionView.of(programme.version_at(info.context.now), programme.currency),
            newest=SettingsVersionView.of(programme.versions[-1], programme.currency),
        )

    @query_field(
        staff(Right.LIST_PROVISION),
        "The versions of the settings since the last change of currency, newest first.",
    )
    async def settings_versions(
        self,
        info: Info,
        first: First = _VERSIONS_PAGE,
        after: OlderThan = None,
    ) -> Connection[SettingsVersionView]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        programme = await _current(info)
        older = [version for version in reversed(programme.versions) if before is None or version.version < before]
        found = [(each.version, SettingsVersionView.of(each, programme.currency)) for each in older[: size + 1]]
        return Connection[SettingsVersionView].of(_CURSOR, found, size, after)


@strawberry.type
class SettingsMutation:
    @mutation_field(
        staff(Right.EDIT_SETTINGS), "Change settings from an instant on. Points earned before stay as they are."
    )
    async def change_settings(
        self,
        info: Info,
        input: Annotated[ChangeSettingsInput, strawberry.argument(description="What to change.")],  # noqa: A002
    ) -> ChangeSettingsResult:
        with refusals_under("settings"):
            document = _document(input.settings)
        version = await service.amend_settings(
            *info.context.tenant,
            document,
            effective_from=input.effective_from,
            seen_version=input.version,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        programme = await _current(info)
        return ChangeSettingsSuccess(newest=SettingsVersionView.of(version, programme.currency))

    @mutation_field(staff(Right.EDIT_SETTINGS), "Let planned changes of settings not come into force.")
    async def withdraw_settings(
        self,
        info: Info,
        input: Annotated[WithdrawSettingsInput, strawberry.argument(description="Which plans.")],  # noqa: A002
    ) -> WithdrawSettingsResult:
        version = await service.withdraw_settings(
            *info.context.tenant, input.version, by=info.context.principal.identity, now=info.context.now
        )
        programme = await _current(info)
        return WithdrawSettingsSuccess(newest=SettingsVersionView.of(version, programme.currency))


async def _current(info: Info) -> ProgrammeSnapshot:
    installation, programme_id = info.context.tenant
    return await installation.programmes.current(programme_id)
