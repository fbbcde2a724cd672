-- What the application may do: call these functions, and read under row-level security. Helpers are the owner's alone:
-- they check nothing. Whoever adds a function revokes and grants likewise.

revoke all on all functions in schema ledger from public;

grant execute on function
    ledger.open_programme, ledger.open_account, ledger.restrict, ledger.lock_accounts,
    ledger.accrue, ledger.adjust,
    ledger.hold, ledger.extend, ledger.release, ledger.capture,
    ledger.quote, ledger.balance, ledger.expiring, ledger.history, ledger.holds, ledger.hold_of_code,
    ledger.account_page,
    ledger.sweep, ledger.violations_of, ledger.extent
to pointbook_app;

grant select on
    ledger.violations, ledger.entry_violations, ledger.lot_violations, ledger.hold_violations,
    ledger.account_violations
to pointbook_app;
