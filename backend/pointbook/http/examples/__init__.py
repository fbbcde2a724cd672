"""Example operations of GraphiQL: a purchase paid with points and what the staff do, in the order to try them.

Each works after those before it, in a programme that gives 50 points for joining, as the demo does.
"""

from typing import Final

from pointbook.http.examples.desk import DESK
from pointbook.http.examples.purchase import PURCHASE
from pointbook.http.examples.rewards import REWARDS

EXAMPLES: Final = [*PURCHASE, *DESK, *REWARDS]
