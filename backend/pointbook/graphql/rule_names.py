"""How rules are told: to everybody by an id that says nothing and a label, to the staff by key and name too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self, TypeAlias

import strawberry

from pointbook.domain.access import CallerKind
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Rule, Standard
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.texts import rule_label, standard_label

Locale: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="Language of the texts (BCP 47); null: the programme's first. Where there are no texts in it,"
        " it is the next best."
    ),
]


@dataclass(frozen=True, slots=True)
class RuleNames:
    """Names of the rules of one answer. ``rules`` by key, as they are told of; others are named as of today."""

    info: Info
    programme: ProgrammeSnapshot
    settings: ProgrammeSettings
    locale: str
    rules: Mapping[str, Rule]
    _labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        info: Info,
        programme: ProgrammeSnapshot,
        settings: ProgrammeSettings,
        locale: str | None,
        rules: Mapping[str, Rule],
    ) -> Self:
        """``locale`` None: the programme's first."""
        return cls(info, programme, settings, locale or programme.locales[0], rules)

    def id(self, key: str) -> strawberry.ID:
        """Always the same, and nobody can tell the key from it, or guess which key it would be."""
        derived = self.info.context.installation.secrets.derive("public rule", str(self.programme.id), key)
        return strawberry.ID(derived.hex()[:32])

    @property
    def internal(self) -> bool:
        """Whether whoever asks may be told keys and names."""
        return self.info.context.principal.kind is CallerKind.STAFF

    def name(self, key: str) -> str | None:
        """What the staff call a rule; None for what the settings give."""
        return None if key in Standard.__members__ else self._rule(key).name

    def label(self, key: str) -> str:
        if key not in self._labels:
            self._labels[key] = self._label(key)
        return self._labels[key]

    def _label(self, key: str) -> str:
        currency = self.programme.currency
        if key in Standard.__members__:
            return standard_label(Standard(key), self.settings, currency=currency, locale=self.locale)
        return rule_label(self._rule(key), currency=currency, locale=self.locale)

    def _rule(self, key: str) -> Rule:
        return self.rules.get(key) or self.programme.book.newest()[key].rule


@strawberry.type(description="A rule by its name.")
class RuleReference:
    key: strawberry.Private[str]
    names: strawberry.Private[RuleNames]

    @described("Names the rule; it never changes.")
    def id(self) -> strawberry.ID:
        return self.names.id(self.key)

    @described("What customers call it, or what it gives; plain text.")
    def label(self) -> str:
        return self.names.label(self.key)

    @described("The rule's key, or REVENUE, BASE, SIGN_UP; null unless staff ask.")
    def rule_key(self) -> strawberry.ID | None:
        return strawberry.ID(self.key) if self.names.internal else None

    @described("The rule's internal name; null unless staff ask, and for what the settings give.")
    def rule_name(self) -> str | None:
        return self.names.name(self.key) if self.names.internal else None
