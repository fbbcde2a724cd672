"""The controls of test_histories.py: with one rule spoiled in the functions, histories must disagree.

The histories are the same in every run (``derandomize``), so that a mutant is caught always or never.
"""

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.ledger.agreeing import Disagreement
from tests.ledger.card_histories import CardStep, card_histories, card_lives, play_card
from tests.ledger.histories import Mix, Step, histories
from tests.ledger.mutants import Mutation, spoiled
from tests.ledger.stage import Stage

_SAME_IN_EVERY_RUN = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_MUTANTS_OF_TIME_AND_DEBT = (
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
_MUTANTS_OF_RETURNS = (
    Mutation(
        "forgets the debt when it gives back",
        (
            (r"function ledger\.give_back_of\(", r"\g<0>"),
            (r"account\.at, account\.debt - cancelled, false", "account.at, 0, false"),
        ),
    ),
    Mutation(
        "gives back what expires soonest first",
        (
            (
                r"l\.expires_at desc nulls first, l\.available_from desc",
                "l.expires_at nulls first, l.available_from",
            ),
        ),
    ),
    Mutation("gives back more than was captured", ((r"in_given > available", "false"),)),
    Mutation("reverses more than was granted", ((r"in_reversed > available", "false"),)),
    Mutation("takes other lots before what expired of its own", ((r"select 2, lot_id", "select 4, lot_id"),)),
    Mutation("takes other lots before its own", ((r"select 3, l\.lot_id, 'open'", "select 0, l.lot_id, 'open'"),)),
    Mutation(
        "takes what is available before what expired with the hold",
        ((r"select 2, f\.lot_id", "select 0, f.lot_id"),),
    ),
    Mutation("gives back to the lots before it cancels the debt", ((r"desc nulls first", "desc nulls last"),)),
    Mutation("takes available points though only pending ones", ((r"in_policy <> 'only_pending' or", "true or"),)),
)
_MUTANTS_OF_SPENDS = (
    Mutation(
        "spends what expires last first",
        (
            (
                r"order by line\) - points\) as wanted\s+from unnest\(free",
                "order by line desc) - points) as wanted from unnest(free",
            ),
        ),
    ),
)
_MUTANTS_OF_MERGES = (
    Mutation("forgets what the source owes", ((r"target\.debt \+ source\.debt, false", "target.debt, false"),)),
    Mutation(
        "forgets the lock of the source",
        ((r"may_spend = target\.may_spend and source\.may_spend", "may_spend = target.may_spend"),),
    ),
    Mutation("merges what is inactive", ((r"not \(target\.may_earn and source\.may_earn\)", "false"),)),
    Mutation(
        "leaves open holds behind",
        ((r"h\.owner_id = in_source\.account_id and h\.state = 'held'", "false"),),
    ),
    Mutation(
        "takes the bonus back though there is one only",
        (
            (
                r"if not exists \(\s+select from ledger\.accounts_of",
                "if false and not exists (select from ledger.accounts_of",
            ),
        ),
    ),
    Mutation(
        "takes orders back as if they were the bonus",
        ((r"e\.source_type = in_bonus_type and l\.open > 0", "l.open > 0"),),
    ),
    Mutation(
        "forgets what expired when it was another's",
        (
            (
                r"(owner := \(\s+select merged_into from ledger\.account where) programme_id",
                r"\1 false and programme_id",
            ),
        ),
    ),
    Mutation(
        "knows no hold that ended before",
        ((r"or ledger\.stands_for\(in_programme, owner_id\) = account\.account_id", ""),),
    ),
)
_MUTANTS_OF_LEAVING = (
    Mutation(
        "leaves pending points",
        (
            (
                r"l\.live and l\.open > 0\s+\), lots as",
                "l.live and l.open > 0 and l.available_from <= account.at), lots as",
            ),
        ),
    ),
    Mutation("forgets the debt of who left", ((r"where account\.debt > 0", "where false"),)),
    Mutation("lets points of holds expire", ((r"in_reopen => true", "in_reopen => false"),)),
    Mutation("who left may come back", ((r" or account\.left_at is not null", ""),)),
    Mutation("who left earns", ((r" and a\.left_at is null as known", " as known"),)),
    Mutation("returns to who left", ((r"a\.account_id = any\(targets\) and a\.left_at is not null", "false"),)),
    Mutation("leaves open holds", ((r"h\.state = 'held'\s+order by h\.account_id, h\.seq\s+loop", "false loop"),)),
)
_MUTANTS_OF_CARDS = (
    Mutation(
        "a lapse reopens an expired card",
        ((r"when h\.expires_at < h\.good_until then 'open'", "when true then 'open'"),),
    ),
    Mutation(
        "refunds what paid for something else",
        ((r"and \(e\.source_type, e\.source_id\) is not distinct from \(in_source_type, in_source_id\)", ""),),
    ),
    Mutation(
        "the rest of a hold outlives its card",
        ((r"case when in_hold\.good_until > in_at then 'open' else 'expired' end, rest", "'open', rest"),),
    ),
    Mutation(
        "a refund revives what had expired",
        ((r"in_card\.held = 0 and \(in_card\.open = 0 or in_card\.expires_at > in_now\)", "true"),),
    ),
    Mutation(
        "voids what is held",
        ((r"card\.void = 0 and card\.open < card\.face", "card.void = 0 and card.open + card.held < card.face"),),
    ),
)


@pytest.mark.parametrize(
    ("mix", "mutant"),
    [("debt", mutant) for mutant in _MUTANTS_OF_TIME_AND_DEBT]
    + [("returns", mutant) for mutant in _MUTANTS_OF_RETURNS]
    + [("spending", mutant) for mutant in _MUTANTS_OF_SPENDS]
    + [("merging", mutant) for mutant in _MUTANTS_OF_MERGES]
    + [("leaving", mutant) for mutant in _MUTANTS_OF_LEAVING],
    ids=lambda value: value.name if isinstance(value, Mutation) else value,
)
def test_a_spoiled_rule_is_noticed(stage: Stage, owner_database_url: str, mix: Mix, mutant: Mutation) -> None:
    @_SAME_IN_EVERY_RUN
    @given(histories(mix))
    def agree(steps: list[Step]) -> None:
        stage.compare(steps)

    with (
        stage.inside(spoiled(owner_database_url, mutant)),
        pytest.raises((Disagreement, asyncpg.IntegrityConstraintViolationError)),
    ):
        agree()


@pytest.mark.parametrize("mutant", _MUTANTS_OF_CARDS, ids=lambda mutant: mutant.name)
def test_a_spoiled_rule_of_cards_is_noticed(stage: Stage, owner_database_url: str, mutant: Mutation) -> None:
    @settings(_SAME_IN_EVERY_RUN, max_examples=300)
    @given(card_histories, card_lives)
    def agree(steps: list[CardStep], life: int | None) -> None:
        stage.rolled_back(lambda connection: play_card(connection, steps, life))

    with stage.inside(spoiled(owner_database_url, mutant)), pytest.raises((AssertionError, asyncpg.PostgresError)):
        agree()
