"""R26, I9: random histories say the same in the functions and in the model, however the clock is run.

Hypothesis draws histories of 50 steps. ``POINTBOOK_HISTORIES`` says how many of each mix (default 8; the full run
is 1,000 or more).
"""

import os
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings

from tests.ledger.histories import LotPlan, Mix, Repeat, SignUp, Step, histories
from tests.ledger.stage import Stage

_HISTORIES = int(os.environ.get("POINTBOOK_HISTORIES", "8"))
_LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.mark.parametrize("mix", get_args(Mix))
def test_functions_and_model_agree_however_the_clock_is_run(stage: Stage, mix: Mix) -> None:
    @settings(max_examples=_HISTORIES, deadline=None, suppress_health_check=_LARGE)
    @given(histories(mix))
    def agree(steps: list[Step]) -> None:
        stage.compare(steps)

    agree()


def test_a_sign_up_that_is_told_again_is_a_duplicate_to_both(stage: Stage) -> None:
    """What earns is known by what it is for, and has no idempotency key; rarely drawn."""
    bonus = SignUp(LotPlan(points=44, value=Decimal(5), wait=0, life=None))
    stage.compare([_step(bonus), _step(Repeat(back=1, altered=False)), _step(Repeat(back=2, altered=True))])


def _step(command: SignUp | Repeat) -> Step:
    return Step(ticks=0, just_before=False, command=command, book=False, look=0, behind=0)
