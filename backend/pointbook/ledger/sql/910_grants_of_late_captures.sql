-- What late captures add to what the application may do (see 900_grants.sql).

revoke all on function
    ledger.state_of, ledger.purchase_of, ledger.captured_parts, ledger.give_back, ledger.latest_lot_of, ledger.capture_late,
    ledger.price_of_purchase, ledger.spendable_late, ledger.return_order
from public;

grant execute on function ledger.captured_parts, ledger.capture_late, ledger.return_order to pointbook_app;

grant select on ledger.late_capture_violations to pointbook_app;
