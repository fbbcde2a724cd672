"""The controls of test_histories.py: with one rule of time spoiled in the functions, histories must disagree.

The histories are the same in every run (``derandomize``), so that a mutant is caught always or never.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.ledger.histories import Step, histories
from tests.ledger.mutants import Mutation, spoiled
from tests.ledger.playing import Disagreement
from tests.ledger.stage import Stage

_MUTANTS = (
    Mutation(
        "a lapse reopens expired lots", ((r"l\.expires_at <= h\.expires_at as expired", "false as expired"),)
    ),
    Mutation("no settlement", ((r"where taken > 0", "where false"),)),
    Mutation("stamped with the time of writing", ((r"m\.at, m\.hold_id,", "in_now, m.hold_id,"),)),
    Mutation(
        "settled by expiry instead of instant",
        ((r"order by i\.at, i\.expires_at, i\.available_from", "order by i.expires_at, i.at, i.available_from"),),
    ),
)


@pytest.mark.parametrize("mutant", _MUTANTS, ids=lambda mutant: mutant.name)
def test_a_spoiled_clock_is_noticed(stage: Stage, owner_database_url: str, mutant: Mutation) -> None:
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories("debt"))
    def agree(steps: list[Step]) -> None:
        stage.compare(steps)

    with stage.inside(spoiled(owner_database_url, mutant)), pytest.raises(Disagreement):
        agree()
