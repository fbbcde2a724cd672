-- Programmes and the accounts of their members.
-- The account's row is the lock of everything that is the account's: every write takes it FOR NO KEY UPDATE first.

create table ledger.programme (
    programme_id int primary key,
    sandbox boolean not null  -- its clock may be ahead of the database's
);

create sequence ledger.account_id;

create table ledger.account (
    programme_id int not null references ledger.programme,
    account_id bigint not null,
    public_id uuid not null,
    last_seq bigint not null default 0,    -- number of the newest entry
    as_of timestamptz not null,            -- instant of the newest entry, or of the opening
    debt bigint not null default 0,
    merged_into bigint,                    -- the account that took over lots and holds
    may_earn boolean not null default true,
    may_spend boolean not null default true,
    left_at timestamptz,                   -- when all it had was forfeited; no write reaches it any more
    primary key (programme_id, account_id),
    constraint account_public_id_key unique (programme_id, public_id),
    foreign key (programme_id, merged_into) references ledger.account,
    constraint account_last_seq_check check (last_seq >= 0),
    constraint account_debt_check check (debt >= 0),
    constraint account_merged_into_check check (merged_into <> account_id),
    constraint account_left_check check (
        left_at is null or not may_earn and not may_spend and debt = 0 and merged_into is null
    )
) with (fillfactor = 80);  -- its figures change with every entry: room for the next version on the same page

create index account_in_debt on ledger.account (programme_id, account_id) where debt > 0;

create index account_merged on ledger.account (programme_id, merged_into) where merged_into is not null;
