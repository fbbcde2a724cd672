-- The schema of the ledger. Files run in order of their names, as the role that owns the tables.
-- What is made here is nobody else's unless granted (110_row_security.sql, 900_grants.sql).

create schema ledger;
revoke all on schema ledger from public;
grant usage on schema ledger to pointbook_app;
