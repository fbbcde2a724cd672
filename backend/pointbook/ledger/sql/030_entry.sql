-- Entries: what happened to an account, numbered without a gap, never changed.
-- The source of an entry (an order, say) has one effect a kind and occurrence in its programme.
-- Some entries name another. A give_back and a reversal name the one whose effect they take back: a give_back a
-- capture, a late capture or a spend, a reversal an accrual. Summed over those that name it, no entry is taken back by
-- more than it moved (I6). A merge_in names the merge_out of the other account, and moves the same points.

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
    of_account_id bigint,         -- with of_seq: the entry that this one names
    of_seq bigint,
    primary key (programme_id, account_id, seq),
    foreign key (programme_id, account_id) references ledger.account,
    constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal', 'late_capture', 'spend', 'merge_out', 'merge_in', 'forfeit'
    )),
    constraint entry_seq_check check (seq > 0),
    constraint entry_source_check check (num_nulls(source_type, source_id, occurrence) in (0, 3)),
    constraint entry_hold_check check (
        kind = 'give_back'  -- of a voucher, or of a spend
        or (hold_id is not null) = (kind in ('hold', 'extend', 'capture', 'release', 'lapse', 'late_capture'))
    ),
    constraint entry_of_check check (
        (of_seq is not null) = (kind in ('give_back', 'reversal', 'merge_in'))
        and num_nulls(of_account_id, of_seq) in (0, 2)
    ),
    constraint entry_spend_check check (kind <> 'spend' or source_type is not null)  -- what was bought
);

create unique index entry_source_key on ledger.entry (programme_id, kind, source_type, source_id, occurrence)
where source_type is not null;

-- Whether in time or late, a source is captured for once.
create unique index entry_purchase_key on ledger.entry (programme_id, source_type, source_id, occurrence)
where kind in ('capture', 'late_capture') and source_type is not null;

create index entry_of on ledger.entry (programme_id, of_account_id, of_seq) where of_seq is not null;
