"""What customers read, in German, English and Polish: product texts, labels of rules, a programme's conditions.

Texts are data (``templates/``); what they say comes from the settings and rules in force, so that nobody has to
keep them up to date. All of it is plain text: whoever puts it into a page escapes it there.
"""

from pointbook.texts.guidelines import Guidelines, Section, guidelines
from pointbook.texts.phrasing import LANGUAGES, Phrasing
from pointbook.texts.product_texts import ProductText, product_text
from pointbook.texts.rule_labels import rule_label, standard_label

__all__ = [
    "LANGUAGES",
    "Guidelines",
    "Phrasing",
    "ProductText",
    "Section",
    "guidelines",
    "product_text",
    "rule_label",
    "standard_label",
]
