"""Why points were or would be given: what became of each rule, told by public labels.

Staff are told the rules' own names and keys besides: what differs is in ``RuleNames`` alone.
"""

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import CallerKind, Policy, Right
from pointbook.domain.money import Money, Rounding
from pointbook.domain.orders import QUANTITY_PLACES
from pointbook.domain.rules import Verdict
from pointbook.domain.values import plain
from pointbook.graphql.connections import First, page_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.inputs import entry_of
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import query_field
from pointbook.graphql.rule_enums import RuleKind, Why
from pointbook.graphql.rule_names import Locale, RuleNames, RuleReference
from pointbook.graphql.scalars import Points
from pointbook.services import explaining as service

described_enum(
    Verdict,
    "What became of a rule.",
    name="RuleVerdict",
    WON="It gave points, or multiplied some.",
    LOST="A better rule gave the points instead.",
    INERT="It could not give any.",
)
RULES = 20
_LINES = 10
_ASKING: Final = Policy(frozenset({CallerKind.CUSTOMER, CallerKind.STAFF}), Right.LIST_PROVISION)
_STAFFS: Final = {Why.INACTIVE, Why.NOT_YET, Why.PERIOD}
_BY_VERDICT: Final = {verdict: place for place, verdict in enumerate(Verdict)}


@strawberry.enum(description="Over what a member's points of a rule are counted.")
class CapSpan(enum.Enum):
    DAY = strawberry.enum_value("DAY", description="A local day.")
    WEEK = strawberry.enum_value("WEEK", description="Monday to Sunday.")
    MONTH = strawberry.enum_value("MONTH", description="A month of the calendar.")
    YEAR = strawberry.enum_value("YEAR", description="A year of the calendar.")
    RULE = strawberry.enum_value("RULE", description="As long as there is the rule.")


@strawberry.type(description="A limit on what a rule gives a member.")
class CapUse:
    span: CapSpan = strawberry.field(description="Over what points are counted.")
    limit: Points = strawberry.field(description="The most points.")
    before: Points = strawberry.field(description="What the rule had given before.")
    used: Points = strawberry.field(description="What it gave now.")

    @classmethod
    def of(cls, written: list[Any]) -> Self:
        _, bucket, limit, given, used = written
        span = CapSpan[bucket.split()[0].upper()]
        return cls(span=span, limit=Points(limit), before=Points(given), used=Points(used))


@strawberry.type(description="What became of a rule at a line that it is for.")
class LineExplanation:
    line: strawberry.ID = strawberry.field(description="The shop's id of the line.")
    quantity: Decimal = strawberry.field(description="How many.")
    verdict: Verdict = strawberry.field(description="What became of the rule here.")
    lost_to: RuleReference | None = strawberry.field(description="LOST: the rule that gave the points instead.")
    why: Why | None = strawberry.field(description="INERT: why.")
    points: Points = strawberry.field(
        description="What it gave here, before multiplying; LOST: what it would have given."
    )

    @classmethod
    def of(cls, written: Mapping[str, Any], names: RuleNames) -> Self:
        return cls(
            line=strawberry.ID(written["line"]),
            quantity=plain(Decimal(written["quantity"]).scaleb(-QUANTITY_PLACES)),
            verdict=Verdict(written["verdict"]),
            lost_to=_reference(written.get("lostTo"), names),
            why=_why(written),
            points=Points(written.get("points", 0)),
        )


@strawberry.type(description="What became of a rule, and from what.")
class RuleExplanation(RuleReference):
    written: strawberry.Private[Mapping[str, Any]]
    kind: RuleKind = strawberry.field(description="What it gives points for.")
    verdict: Verdict = strawberry.field(description="What became of it.")
    lost_to: RuleReference | None = strawberry.field(description="LOST: the rule that gave the points instead.")
    why: Why | None = strawberry.field(description="INERT: why.")
    line_count: int = strawberry.field(description="How many lines it is for.")
    basis: MoneyAmount | None = strawberry.field(
        description="CART: the money that its points come from, rounded to the currency's smallest unit."
    )
    multiplier: RuleReference | None = strawberry.field(description="The rule that multiplied its points.")
    factor: Decimal | None = strawberry.field(
        description="What they were multiplied by; of a MULTIPLIER its own factor."
    )
    exact: str | None = strawberry.field(
        description='Its points before rounding, as a decimal number or a quotient: "19.5", "50/3".'
    )
    rounded: Points | None = strawberry.field(
        description="Its points after rounding once, before caps; LOST: what it would have given."
    )
    points: Points = strawberry.field(description="What it gave; 0 unless it WON.")
    cap_uses: list[CapUse] = strawberry.field(description="The limits of what it gives one member, and their use.")

    @described("The lines that it is for, by their ids.")
    def lines(self, first: First = _LINES) -> list[LineExplanation]:
        return [LineExplanation.of(line, self.names) for line in page_of(self.written.get("lines", ()), first)]

    @classmethod
    def of(cls, explained: service.ExplainedRule, names: RuleNames) -> Self:
        written = explained.trace
        rounded, factor = written.get("rounded"), written.get("factor")
        return cls(
            key=written["rule"],
            names=names,
            written=written,
            kind=RuleKind(written["kind"]),
            verdict=Verdict(written["verdict"]),
            lost_to=_reference(written.get("lostTo"), names),
            why=_why(written),
            line_count=len(written.get("lines", ())),
            basis=_money(written.get("basis"), names.programme.currency),
            multiplier=_reference(written.get("multiplier"), names),
            factor=None if factor is None else Decimal(factor),
            exact=written.get("exact"),
            rounded=None if rounded is None else Points(rounded),
            points=Points(written.get("points", 0)),
            cap_uses=[CapUse.of(use) for use in written.get("caps", ())],
        )


@strawberry.type(description="Why an entry of a history granted its points.")
class Explanation:
    explained: strawberry.Private[service.Explanation]
    names: strawberry.Private[RuleNames]
    points: Points = strawberry.field(description="The points that were granted.")
    at: datetime = strawberry.field(description="When.")
    source_type: str = strawberry.field(description="What they were granted for: `order`, `booking` or `sign_up`.")
    source_id: str = strawberry.field(description="The shop's id of the order or booking, or the member's.")
    rule_count: int = strawberry.field(description="How many rules have a say in it.")

    @described(
        "What became of each rule: those that WON first, then LOST, then INERT, the older before the newer."
    )
    def rules(self, first: First = RULES) -> list[RuleExplanation]:
        return explanations(self.explained.rules, self.names, first)

    @classmethod
    def of(cls, info: Info, explained: service.Explanation, locale: str | None) -> Self:
        names = names_of(info, explained, locale)
        return cls(
            explained=explained,
            names=names,
            points=Points(explained.points),
            at=explained.at,
            source_type=explained.source,
            source_id=explained.source_id,
            rule_count=len(told(explained.rules, names)),
        )


@strawberry.type
class ExplanationQuery:
    @query_field(
        _ASKING,
        "Why an entry of a history granted its points: of the calling customer's own, for staff of any member's."
        " Null for an entry that is not theirs, and for one whose points no rule gave.",
    )
    async def explain(
        self,
        info: Info,
        entry: Annotated[strawberry.ID, strawberry.argument(description="The id of a `HistoryItem`.")],
        locale: Locale = None,
    ) -> Explanation | None:
        asked = entry_of(entry)
        if asked is None or not await _may_ask(info, asked[0]):
            return None
        found = await service.explain_entry(*info.context.tenant, *asked)
        return None if found is None else Explanation.of(info, found, locale)


async def _may_ask(info: Info, account: UUID) -> bool:
    """Staff about every account of their programme, a customer about their own, and what was merged into it."""
    installation, principal = info.context.installation, info.context.principal
    if principal.subject is None:
        return True
    return await service.is_own(installation, principal.programme_id, principal.subject, account)


def explanations(rules: Iterable[service.ExplainedRule], names: RuleNames, first: int) -> list[RuleExplanation]:
    """The first of the rules, those that gave points before the others. Raises InvalidInput."""
    best_first = sorted(told(rules, names), key=lambda rule: _BY_VERDICT[Verdict(rule.trace["verdict"])])
    return [RuleExplanation.of(rule, names) for rule in page_of(best_first, first)]


def told(rules: Iterable[service.ExplainedRule], names: RuleNames) -> list[service.ExplainedRule]:
    """Those that whoever asks may hear of: what is planned or switched off is the staff's."""
    return [rule for rule in rules if names.internal or rule.trace.get("why") not in _STAFFS]


def names_of(info: Info, judged: service.Judged, locale: str | None) -> RuleNames:
    """Names of the rules by which something was judged, as they were then."""
    rules = {each.trace["rule"]: each.rule for each in judged.rules if each.rule is not None}
    return RuleNames.of(info, judged.programme, judged.settings, locale, rules)


def _reference(key: str | None, names: RuleNames) -> RuleReference | None:
    return None if key is None else RuleReference(key=key, names=names)


def _why(written: Mapping[str, Any]) -> Why | None:
    return Why(written["why"]) if "why" in written else None


def _money(minor_units: str | None, currency: str) -> MoneyAmount | None:
    if minor_units is None:
        return None
    amount = Rounding.HALF_UP.ratio(*Fraction(minor_units).as_integer_ratio())
    return MoneyAmount.of(Money(amount, currency))
