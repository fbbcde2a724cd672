"""How a rule is called in public: by its label, or by what it does. Its name is the staff's and never used."""

from pointbook.domain.placeholders import filled
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Rule, RuleKind, Standard
from pointbook.texts.phrasing import Phrasing, best_text
from pointbook.texts.templating import line


def rule_label(rule: Rule, *, currency: str, locale: str) -> str:
    """The rule's label in the language, filled in, or, where it has none, a line that says what it gives."""
    say = Phrasing(locale, currency)
    return label_of(rule, say) or line(Phrasing.of_texts(locale, currency), "rule", rule=rule)


def standard_label(standard: Standard, settings: ProgrammeSettings, *, currency: str, locale: str) -> str:
    """What the settings give without a rule, in the words of a rule that gives the same."""
    return rule_label(_as_rule(standard, settings), currency=currency, locale=locale)


def _as_rule(standard: Standard, settings: ProgrammeSettings) -> Rule:
    if standard is Standard.REVENUE:
        return Rule(RuleKind.CART, standard, money_per_point=settings.revenue_per_point)
    if standard is Standard.BASE:
        return Rule(RuleKind.BASE, standard, points=settings.base_points_per_order)
    return Rule(RuleKind.REGISTRATION, standard, points=settings.sign_up_points)


def label_of(rule: Rule, say: Phrasing) -> str | None:
    """The rule's own label, filled in; None: it has none in the language."""
    text = best_text(rule.labels, say.tag)
    return None if text is None else filled(text, _values(rule, say))


def says_amount(rule: Rule, say: Phrasing) -> bool:
    """The label names the rule's amount, so that no other text has to."""
    text = best_text(rule.labels, say.tag)
    return text is not None and any(f"{{{name}}}" in text for name in _values(rule, say))


def _values(rule: Rule, say: Phrasing) -> dict[str, str]:
    if rule.factor is not None:
        return {"factor": say.number(rule.factor)}
    if rule.money_per_point is not None:
        return {"moneyPerPoint": say.money(rule.money_per_point)}
    assert rule.points is not None, "every other kind gives points"
    return {"points": say.number(rule.points)}
