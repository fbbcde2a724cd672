"""R26, I9: random histories say the same in the functions and in the model, however the clock is run.

Hypothesis draws histories of 50 steps. ``POINTBOOK_HISTORIES`` says how many of each mix (default 8; the full run
is 1,000 or more).
"""

import itertools
import os
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings

from tests.ledger.histories import (
    Adjust,
    Capture,
    Command,
    Earn,
    Extend,
    Forfeit,
    HoldCart,
    LotPlan,
    Mix,
    Release,
    Repeat,
    Rest,
    Return,
    SignUp,
    Spend,
    Step,
    Unspend,
    histories,
)
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


_LOT = LotPlan(points=100, value=Decimal(5), wait=0, life=None)
_HOLD = HoldCart(cart=1, points=10, limit=10_000, minimum=0, point_value=None, lifetime=3)
_BOUGHT = (_HOLD, Capture(hold=0, percent=None, order=None, keyed=False))
_GIVES_BACK = Return(
    hold=0, give=100, grace=None, accrual=0, take=50, policy="ALLOW_NEGATIVE", document=None, keyed=False
)
_CALLS: dict[str, tuple[Command, ...]] = {
    "order": (Earn((_LOT,)),),
    "sign-up": (SignUp(_LOT),),
    "hold": (_HOLD,),
    "extension": (_HOLD, Extend(hold=0, lifetime=3, maximum=2)),
    "release": (_HOLD, Release(hold=0)),
    "capture": (_HOLD, Capture(hold=0, percent=None, order=None, keyed=True)),
    "capture by its order": _BOUGHT,
    "spend": (Spend(points=10),),
    "spend undone": (Spend(points=10), Unspend(spend=0, grace=None)),
    "adjustment": (Adjust(points=-10, lot=_LOT, allow_negative=True),),
    "return": (*_BOUGHT, replace(_GIVES_BACK, keyed=True)),
    "return by its document": (*_BOUGHT, _GIVES_BACK),
}


@pytest.mark.parametrize("since", [(), (Forfeit(),)], ids=["", "after leaving"])
@pytest.mark.parametrize("name", _CALLS)
def test_each_call_is_sent_again_to_the_functions_and_the_model(
    stage: Stage, name: str, since: tuple[Command, ...]
) -> None:
    """I8, R34. What histories draw rarely."""
    for altered, parity in itertools.product((False, True), ((), (Rest(),))):
        again = Repeat(back=1 + len(since), altered=altered)
        commands = (
            Earn((_LOT,)),
            *parity,
            *_CALLS[name],
            *since,
            again,
        )  # a release is the server's in even steps
        stage.compare([Step(0, False, command, False, 0, 0) for command in commands])  # noqa: FBT003  # in order
