-- Entries: what happened to an account, numbered without a gap, never changed.
-- The source of an entry (an order, say) has one effect a kind and occurrence in its programme.

create table ledger.entry (
    programme_id int not null,
    account_id bigint not null,
    seq bigint not null,
    kind text not null,
    at timestamptz not null,      -- when it has its effect; what the clock causes carries the instant it was due
    source_type text,
    source_id text,
    occurrence int,
    hold_id uuid,
    recorded_at timestamptz not null default now(),  -- when it was written: for people, no figure depends on it
    primary key (programme_id, account_id, seq),
    foreign key (programme_id, account_id) references ledger.account,
    constraint entry_kind_check check (
        kind in ('accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust')
    ),
    constraint entry_seq_check check (seq > 0),
    constraint entry_source_check check (num_nulls(source_type, source_id, occurrence) in (0, 3)),
    constraint entry_hold_check check (
        (hold_id is not null) = (kind in ('hold', 'extend', 'capture', 'release', 'lapse'))
    )
);

create unique index entry_source_key on ledger.entry (programme_id, kind, source_type, source_id, occurrence)
where source_type is not null;
