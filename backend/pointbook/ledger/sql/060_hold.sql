-- Holds: points set aside for one cart until they are captured or released, or the hold lapses at expires_at.
-- Its parts are the transfers of its entry (account_id, seq). It ends once.

create table ledger.hold (
    programme_id int not null,
    hold_id uuid not null,
    owner_id bigint not null,      -- whose it is now
    account_id bigint not null,    -- with seq: the entry that made it
    seq bigint not null,
    cart bytea not null,           -- SHA-256 of the shop's cart id
    points bigint not null,
    value bigint not null,         -- minor units
    point_value numeric,           -- minor units per point for all lots (policy CURRENT); null: each lot's own
    code_hash bytea not null,
    last_four text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    extensions smallint not null default 0,
    state text not null default 'held',
    ended_at timestamptz,
    end_seq bigint,                -- with owner_id at that time: the entry that ended it
    captured_points bigint,
    captured_value bigint,
    source_type text,              -- of the capture
    source_id text,
    primary key (programme_id, hold_id),
    constraint hold_code_key unique (programme_id, code_hash),
    constraint hold_points_check check (points > 0),
    constraint hold_value_check check (value > 0),
    constraint hold_cart_check check (octet_length(cart) = 32),
    constraint hold_last_four_check check (char_length(last_four) = 4),
    constraint hold_extensions_check check (extensions >= 0),
    constraint hold_life_check check (created_at < expires_at),
    constraint hold_state_check check (state in ('held', 'captured', 'released', 'lapsed')),
    constraint hold_end_check check (
        (state = 'held') = (ended_at is null) and (state = 'held') = (end_seq is null)
    ),
    constraint hold_captured_check check (
        case when state = 'captured'
            then captured_points between 1 and points and captured_value between 1 and value
            else num_nonnulls(captured_points, captured_value, source_type, source_id) = 0
        end
    )
) with (fillfactor = 80);

create index hold_of_owner on ledger.hold (programme_id, owner_id, expires_at) where state = 'held';

-- For the sweep alone: every hold has points, but only a query that says so is given this index. Were it given to the
-- probe of an account, that would walk the ended holds of the whole programme.
create index hold_by_end on ledger.hold (programme_id, expires_at) where state = 'held' and points > 0;
