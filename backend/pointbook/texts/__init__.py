"""What customers read, in German, English and Polish.

All of it is plain text: whoever puts it into a page escapes it there.
"""

from pointbook.texts.phrasing import LANGUAGES, Phrasing
from pointbook.texts.product_texts import ProductText, product_text

__all__ = [
    "LANGUAGES",
    "Phrasing",
    "ProductText",
    "product_text",
]
