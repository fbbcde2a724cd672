"""What a product page says of points: a programme's own texts with placeholders, and what may stand in them."""

from typing import Final

VARIABLES: Final = frozenset(
    {
        "programme",
        "points",
        "extraPoints",
        "totalPoints",
        "pointsPhrase",
        "extraPointsPhrase",
        "totalPointsPhrase",
        "value",
        "extraValue",
        "totalValue",
    }
)
"""Of the standard points, the extra points and both together: the number ("1.200"), the number with its word in
the right plural ("1.200 Punkte", "22 punkty"; there are words in German, English and Polish), and what they are
worth ("60,00 €"). ``programme`` is the programme's name.
"""
