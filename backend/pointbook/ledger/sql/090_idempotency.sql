-- Idempotency: one row an effect, in the effect's transaction. A refusal changed nothing and leaves no row.

create table ledger.idempotency (
    programme_id int not null,
    request bytea not null,     -- SHA-256 of principal, operation and key
    input bytea not null,       -- SHA-256 of the canonical input
    account_id bigint not null,
    answer jsonb not null,      -- what may change after the effect; names nobody
    constraint idempotency_pkey primary key (programme_id, request)
);
