"""Random histories of a gift card say the same in the functions and in a model, whether or not a job runs."""

import os

from hypothesis import HealthCheck, given, settings

from tests.ledger.card_histories import CardStep, card_histories, card_lives, play_card
from tests.ledger.stage import Stage

_HISTORIES = int(os.environ.get("POINTBOOK_HISTORIES", "8"))


def test_functions_and_model_agree_on_a_card(stage: Stage) -> None:
    @settings(max_examples=_HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(card_histories, card_lives)
    def agree(steps: list[CardStep], life: int | None) -> None:
        stage.rolled_back(lambda connection: play_card(connection, steps, life))

    agree()
