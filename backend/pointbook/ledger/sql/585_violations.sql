-- All violations, one row each. account_id is null where no account, or the whole programme, is meant.

create or replace view ledger.violations as
select * from ledger.entry_violations
union all
select * from ledger.lot_violations
union all
select * from ledger.hold_violations
union all
select * from ledger.account_violations
union all
select * from ledger.return_violations
union all
select * from ledger.late_capture_violations
union all
select * from ledger.card_violations
union all
select * from ledger.merge_violations;
