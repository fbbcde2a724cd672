-- What returns add to what the application may do (see 900_grants.sql).

revoke all on function
    ledger.captured_parts, ledger.accrual_of, ledger.give_back, ledger.reverse, ledger.takeable, ledger.expired_of,
    ledger.return_order, ledger.request_of_source
from public;

grant execute on function ledger.captured_parts, ledger.accrual_of, ledger.return_order to pointbook_app;

grant select on ledger.return_violations to pointbook_app;
