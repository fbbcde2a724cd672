-- What gift cards add to what the application may do (see 900_grants.sql).

revoke all on function
    ledger.card_name, ledger.card_due, ledger.card_at, ledger.card_moved, ledger.enter_card, ledger.enter_on_card,
    ledger.card_answer_of, ledger.card_refusal, ledger.replayed_card, ledger.begin_on_card, ledger.remember_card, ledger.cards,
    ledger.card_of_code, ledger.card_history, ledger.buy_card, ledger.hold_card, ledger.why_card_is_short,
    ledger.release_card, ledger.card_hold_of, ledger.end_card_hold, ledger.use_card, ledger.refund_card,
    ledger.void_card, ledger.sweep_cards, ledger.extent_of_cards
from public;

grant execute on function
    ledger.cards, ledger.card_of_code,
    ledger.card_history, ledger.buy_card, ledger.hold_card, ledger.release_card, ledger.use_card, ledger.refund_card,
    ledger.void_card, ledger.sweep_cards, ledger.extent_of_cards
to pointbook_app;

grant select on ledger.card_violations to pointbook_app;
