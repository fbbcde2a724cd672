-- What spends add to what the application may do (see 900_grants.sql).

revoke all on function
    ledger.spend, ledger.spent_by, ledger.redeemed_parts, ledger.captured_parts, ledger.give_back_of, ledger.give_back,
    ledger.unspend
from public;

grant execute on function ledger.spend, ledger.spent_by, ledger.captured_parts, ledger.unspend to pointbook_app;
