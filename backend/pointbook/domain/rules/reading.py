"""Rules as people write them: camelCase JSON, read with typed errors and written back in one form.

A kind knows only its own fields: a field of another kind is refused, for somebody meant something by it.
"""

import enum
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pointbook.domain import placeholders, values
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import Rounding, scaled
from pointbook.domain.reading import list_of, object_of
from pointbook.domain.rules.rule import (
    DEFAULT_STACK_GROUPS,
    ITEM_KINDS,
    NO_CAPS,
    UNIT_KINDS,
    CapPeriod,
    Caps,
    Chosen,
    Rule,
    RuleKind,
    Weekday,
)
from pointbook.domain.text import MAX_WORD, identifier, shown

MAX_TARGETS: Final = 5_000
MAX_STORES: Final = 5_000
MAX_CHANNELS: Final = 100
MAX_HOLIDAYS: Final = 100
MAX_CAP: Final = 10**9
ALL: Final = "ALL"
FACTOR_PLACES: Final = 4
MAX_FACTOR: Final = 100 * 10**FACTOR_PLACES
_CAP_KEYS: Final = frozenset({"perOrder", "perDay", "perMember"})
_MEMBER_CAP_KEYS: Final = frozenset({"points", "period"})


def read_rule(document: object, currency: str) -> Rule:
    """A rule of a document; what is missing or null has its default. ``currency`` is the programme's.

    Raises InvalidInput naming the field: unknown, out of bounds, not of this kind, contradicting another field.
    Whether stores, channels, locales and rules exist is not known here: ``check_rule`` asks that.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("rule", "must be an object")
    kind = _kind("kind", document.get("kind"))
    fields = FIELDS_OF_KIND[kind]
    read: dict[str, Any] = {"kind": kind, "stack_group": DEFAULT_STACK_GROUPS.get(kind, "")}
    for key, value in document.items():
        if key not in fields and key != "kind":
            reason = f"does not belong to a rule of kind {kind}" if key in _FIELDS else "is not a known field"
            raise InvalidInput(shown(key), reason)
        if value is not None and key != "kind":
            field = _FIELDS[key]
            read[field.attribute] = field.read(key, value, currency)
    read["labels"] = placeholders.per_locale("labels", document.get("labels"), label_variables(kind))
    _require(fields & _REQUIRED, document)
    rule = Rule(**read)
    _refuse_contradictions(rule)
    return rule


def write_rule(rule: Rule, currency: str) -> dict[str, Any]:
    """Every field of the rule's kind as JSON, so that ``read_rule`` of it gives an equal rule."""
    fields = FIELDS_OF_KIND[rule.kind]
    written = {
        key: field.write(getattr(rule, field.attribute), currency)
        for key, field in _FIELDS.items()
        if key in fields
    }
    return {"kind": rule.kind.value, **written}


def label_variables(kind: RuleKind) -> frozenset[str]:
    """What a label of a rule of this kind may speak of."""
    if kind is RuleKind.CART:
        return frozenset({"moneyPerPoint"})
    return frozenset({"factor" if kind is RuleKind.MULTIPLIER else "points"})


class _Field(NamedTuple):
    attribute: str
    read: Callable[[str, Any, str], Any]
    write: Callable[[Any, str], Any]


def _require(fields: frozenset[str], document: Mapping[str, Any]) -> None:
    for key in sorted(fields):
        if document.get(key) is None:
            raise InvalidInput(key, "is required")


def _refuse_contradictions(rule: Rule) -> None:
    if rule.valid_from and rule.valid_until and rule.valid_until < rule.valid_from:
        raise InvalidInput("validUntil", "must not be before validFrom")
    if rule.valid_from and rule.expiry and rule.expiry.on and rule.expiry.on < rule.valid_from:
        raise InvalidInput("expiry.on", "must not be before validFrom: the rule could never give points")


def _kind(field: str, value: object) -> RuleKind:
    kind = values.choice(RuleKind)(field, "" if value is None else value, "")
    assert isinstance(kind, RuleKind)
    return kind


def _texts(most: int, length: int, least: int = 1) -> Callable[[str, object, str], tuple[str, ...]]:
    """Each once, in order: how often and in which order they are named says nothing."""

    def read(field: str, value: object, _currency: str) -> tuple[str, ...]:
        texts = sorted(set(list_of(field, value, most, lambda text: identifier("", text, length))))
        if len(texts) < least:
            raise InvalidInput(field, "must name at least one")
        return tuple(texts)

    return read


def _chosen(most: int, length: int, least: int = 1) -> Callable[[str, object, str], Chosen]:
    """``"ALL"``, or a list."""
    texts = _texts(most, length, least)

    def read(field: str, value: object, currency: str) -> Chosen:
        if isinstance(value, str) and value != ALL:
            raise InvalidInput(field, f"must be {ALL} or a list")
        return None if value == ALL else texts(field, value, currency)

    return read


def _write_chosen(chosen: Chosen, _currency: str) -> Any:
    return ALL if chosen is None else list(chosen)


def _write_list(texts: tuple[str, ...], _currency: str) -> list[str]:
    return [str(text) for text in texts]


def _weekdays(field: str, value: object, _currency: str) -> tuple[Weekday, ...]:
    chosen = list_of(field, value, len(Weekday), lambda day: values.choice(Weekday)("", day, ""))
    return tuple(day for day in Weekday if day in chosen)


def _factor(field: str, value: object, _currency: str) -> Decimal:
    factor = scaled(field, value, FACTOR_PLACES, MAX_FACTOR)
    if not factor:
        raise InvalidInput(field, "must be more than 0")
    return values.plain(Decimal(factor).scaleb(-FACTOR_PLACES))


def _caps(field: str, value: object, _currency: str) -> Caps:
    raw = object_of(field, value, _CAP_KEYS)
    member = raw.get("perMember")
    points, period = (None, None) if member is None else _member_cap(f"{field}.perMember", member)
    return Caps(
        _optional_cap(f"{field}.perOrder", raw.get("perOrder")),
        _optional_cap(f"{field}.perDay", raw.get("perDay")),
        points,
        period,
    )


def _member_cap(field: str, value: object) -> tuple[int, CapPeriod]:
    raw = object_of(field, value, _MEMBER_CAP_KEYS)
    period = values.choice(CapPeriod)(f"{field}.period", raw.get("period"), "")
    return values.whole(1, MAX_CAP)(f"{field}.points", raw.get("points"), ""), CapPeriod(period)


def _optional_cap(field: str, value: object) -> int | None:
    return None if value is None else values.whole(1, MAX_CAP)(field, value, "")


def _write_caps(caps: Caps, _currency: str) -> dict[str, Any] | None:
    if caps == NO_CAPS:
        return None
    member = None if caps.per_member is None else {"points": caps.per_member, "period": str(caps.period)}
    written = {"perOrder": caps.per_order, "perDay": caps.per_day, "perMember": member}
    return {key: value for key, value in written.items() if value is not None}


def _write_day(day: Any, _currency: str) -> str | None:
    return None if day is None else day.isoformat()


def _write_word(word: enum.StrEnum, _currency: str) -> str:
    return word.value


_points = values.whole(1, values.MAX_POINTS)
_stores = _chosen(MAX_STORES, 128, least=0)
_channels = _chosen(MAX_CHANNELS, MAX_WORD)

_FIELDS: Final[dict[str, _Field]] = {
    "name": _Field("name", lambda field, value, _: identifier(field, value), values.as_is),
    "labels": _Field("labels", lambda _field, _value, _: (), lambda labels, _: dict(labels)),
    "points": _Field("points", _points, values.as_is),
    "moneyPerPoint": _Field("money_per_point", values.rate(values.LEAST_REVENUE), values.write_rate),
    "factor": _Field("factor", _factor, lambda factor, _: f"{factor:f}"),
    "targets": _Field("targets", _texts(MAX_TARGETS, 128), _write_list),
    "rounding": _Field("rounding", values.choice(Rounding), _write_word),
    "stackGroup": _Field("stack_group", lambda field, value, _: identifier(field, value, MAX_WORD), values.as_is),
    "excludesMenus": _Field("excludes_menus", values.truth, values.as_is),
    "exclusiveVoucherTypes": _Field(
        "exclusive_voucher_types", _texts(MAX_CHANNELS, MAX_WORD, least=0), _write_list
    ),
    "inclusiveOfRedeemedValue": _Field("inclusive_of_redeemed_value", values.truth, values.as_is),
    "surchargeInBasis": _Field("surcharge_in_basis", values.truth, values.as_is),
    "deliveryFeeInBasis": _Field("delivery_fee_in_basis", values.truth, values.as_is),
    "availableAtOnce": _Field("available_at_once", values.truth, values.as_is),
    "expiry": _Field("expiry", values.optional_expiry, values.write_expiry),
    "stores": _Field("stores", _stores, _write_chosen),
    "entryChannels": _Field("entry_channels", _channels, _write_chosen),
    "exitChannels": _Field("exit_channels", _channels, _write_chosen),
    "validFrom": _Field("valid_from", values.optional_day, _write_day),
    "validUntil": _Field("valid_until", values.optional_day, _write_day),
    "weekdays": _Field("weekdays", _weekdays, _write_list),
    "holidays": _Field("holidays", _chosen(MAX_HOLIDAYS, 128, least=0), _write_chosen),
    "caps": _Field("caps", _caps, _write_caps),
}

_REQUIRED: Final = frozenset({"name", "points", "moneyPerPoint", "factor", "targets"})
_CONDITIONS: Final = frozenset(
    {"stores", "entryChannels", "exitChannels", "validFrom", "validUntil", "weekdays", "holidays"}
)
_ANY: Final = _CONDITIONS | {"name", "labels"}
_GIVING: Final = _ANY | {"rounding", "stackGroup", "availableAtOnce", "expiry", "caps"}
_OF_MONEY: Final = {"moneyPerPoint", "inclusiveOfRedeemedValue", "surchargeInBasis", "deliveryFeeInBasis"}
_EXCLUDING: Final = frozenset({"excludesMenus", "exclusiveVoucherTypes"})

FIELDS_OF_KIND: Final[Mapping[RuleKind, frozenset[str]]] = {
    **{kind: _GIVING | {"points", "targets"} for kind in UNIT_KINDS - ITEM_KINDS},
    **{kind: _GIVING | {"points", "targets"} | _EXCLUDING for kind in ITEM_KINDS},
    RuleKind.SERVICE: _GIVING | {"points", "targets"},
    RuleKind.BASE: _GIVING | {"points"},
    RuleKind.REGISTRATION: _GIVING | {"points"},
    RuleKind.CART: _GIVING | _OF_MONEY,
    RuleKind.MULTIPLIER: _ANY | {"factor", "targets"},
}
"""Which fields, besides ``kind``, a rule of a kind has."""
