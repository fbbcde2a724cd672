-- Gift cards: money that points bought, in minor units, used over several purchases. A card has a book of its own: its
-- row is the lock of everything that is the card's, its entries are numbered without a gap and never changed. An entry
-- is one transfer: an amount moves from debit to credit, of issued, open, held, used, expired, void.

create table ledger.card (
    programme_id int not null,
    card_id uuid not null,
    account_id bigint not null,      -- with spend_seq: the entry that bought it
    spend_seq bigint not null,
    code_hash bytea not null,
    last_four text not null,
    currency text not null,          -- of all its amounts
    face bigint not null,
    open bigint not null,
    held bigint not null default 0,
    used bigint not null default 0,
    expired bigint not null default 0,
    void bigint not null default 0,
    issued_at timestamptz not null,
    issued_until timestamptz not null,  -- its expiry when it was bought
    expires_at timestamptz not null,    -- 'infinity' = never; later when something is refunded after it
    last_seq bigint not null,         -- number of its newest entry
    as_of timestamptz not null,       -- instant of its newest entry
    primary key (programme_id, card_id),
    constraint card_code_key unique (programme_id, code_hash),
    constraint card_spend_key unique (programme_id, account_id, spend_seq),
    constraint card_face_check check (face > 0),
    constraint card_figures_check check (least(open, held, used, expired, void) >= 0),
    constraint card_balance_check check (open + held + used + expired + void = face),
    constraint card_void_check check (void in (0, face)),
    constraint card_last_four_check check (char_length(last_four) = 4),
    constraint card_life_check check (issued_at < issued_until and issued_until <= expires_at)
) with (fillfactor = 80);

create index card_by_expiry on ledger.card (programme_id, expires_at) where open > 0 and expires_at < 'infinity';

create index card_by_last_four on ledger.card (programme_id, last_four);

create table ledger.card_entry (
    programme_id int not null,
    card_id uuid not null,
    seq bigint not null,
    kind text not null,
    at timestamptz not null,
    debit text not null,
    credit text not null,
    amount bigint not null,
    hold_id uuid,
    source_type text,  -- what it paid, or was refunded for
    source_id text,
    recorded_at timestamptz not null default now(),
    primary key (programme_id, card_id, seq),
    constraint card_entry_kind_check check (
        kind in ('issue', 'hold', 'use', 'release', 'lapse', 'refund', 'expiry', 'void')
    ),
    constraint card_entry_seq_check check (seq > 0),
    constraint card_entry_amount_check check (amount > 0),
    constraint card_entry_hold_check check (
        case when kind in ('hold', 'release', 'lapse') then hold_id is not null else kind = 'use' or hold_id is null end
    ),
    constraint card_entry_source_check check (
        num_nulls(source_type, source_id) in (0, 2) and (source_type is null or kind in ('use', 'refund'))
    )
);

create table ledger.card_hold (
    programme_id int not null,
    hold_id uuid not null,
    card_id uuid not null,
    amount bigint not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    good_until timestamptz not null,  -- the card's expiry when it was made: what comes back after it expires
    state text not null default 'held',
    ended_at timestamptz,
    used_amount bigint,
    primary key (programme_id, hold_id),
    constraint card_hold_amount_check check (amount > 0),
    constraint card_hold_life_check check (created_at < expires_at),
    constraint card_hold_state_check check (state in ('held', 'used', 'released', 'lapsed')),
    constraint card_hold_end_check check ((state = 'held') = (ended_at is null)),
    constraint card_hold_used_check check (
        case when state = 'used' then used_amount between 1 and amount else used_amount is null end
    )
);

create index card_hold_of_card on ledger.card_hold (programme_id, card_id) where state = 'held';
create index card_hold_by_end on ledger.card_hold (programme_id, expires_at) where state = 'held' and amount > 0;
