-- The schema of the ledger. Files run in order of their names: tables, what guards them, functions, views of violations,
-- row security, grants. Each thing is made once, whole; later revisions have folders of their own.
-- What is made here is nobody else's unless granted (910_row_security.sql, 920_grants.sql).

create schema ledger;
revoke all on schema ledger from public;
grant usage on schema ledger to pointbook_app;
