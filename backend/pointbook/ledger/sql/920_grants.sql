-- What the application may do: call these functions, and read under row-level security. Helpers are the owner's alone:
-- they check nothing. Whoever adds a function revokes and grants likewise.

revoke all on all functions in schema ledger from public;

grant execute on function
    ledger.open_programme, ledger.open_account, ledger.restrict, ledger.stands_for, ledger.lock_accounts,
    ledger.accrue, ledger.adjust, ledger.spend, ledger.spent_by, ledger.unspend,
    ledger.hold, ledger.extend, ledger.release, ledger.capture, ledger.capture_late,
    ledger.captured_parts, ledger.accrual_of, ledger.return_order,
    ledger.merge, ledger.forfeit, ledger.forfeited_by, ledger.sweep,
    ledger.buy_card, ledger.hold_card, ledger.release_card, ledger.use_card, ledger.refund_card, ledger.void_card,
    ledger.sweep_cards,
    ledger.quote, ledger.balance, ledger.expiring, ledger.history, ledger.own_history, ledger.holds,
    ledger.hold_of_code, ledger.account_page, ledger.cards, ledger.card_of_code, ledger.card_history,
    ledger.violations_of, ledger.extent, ledger.extent_of_cards
to pointbook_app;

grant select on
    ledger.violations, ledger.entry_violations, ledger.lot_violations, ledger.hold_violations,
    ledger.account_violations, ledger.return_violations, ledger.late_capture_violations, ledger.merge_violations,
    ledger.card_violations
to pointbook_app;
