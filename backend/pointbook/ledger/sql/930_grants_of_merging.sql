-- What merging adds to what the application may do (see 900_grants.sql).

revoke all on function
    ledger.stands_for, ledger.accounts_of, ledger.lock_pair, ledger.merge, ledger.merged_by, ledger.reverse_second_bonus,
    ledger.move_all, ledger.own_history
from public;

grant execute on function ledger.stands_for, ledger.merge, ledger.own_history to pointbook_app;

grant select on ledger.merge_violations to pointbook_app;
