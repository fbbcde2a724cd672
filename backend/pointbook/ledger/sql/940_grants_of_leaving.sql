-- What leaving adds to what the application may do (see 900_grants.sql).

revoke all on function ledger.forfeit, ledger.forfeited_by from public;
grant execute on function ledger.forfeit, ledger.forfeited_by to pointbook_app;
