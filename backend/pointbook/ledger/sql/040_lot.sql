-- Lots: points granted together, with one availability, one expiry and one value per point.
-- open and held sum up the lot's transfers; everything else never changes but the owner, by a merge
-- and by what comes back to a lot after one.
-- Of the ledger's references only an account's own and an entry's to its account are foreign keys. The others, here and
-- in the next files, are written by functions together with what they name, never deleted, and watched by the views of
-- violations; checking them took half of the time of an import and logged a row lock each.

create sequence ledger.lot_id;

create table ledger.lot (
    programme_id int not null,
    lot_id bigint not null,          -- given under the account's lock: the older lot has the smaller id (R15)
    owner_id bigint not null,        -- whose it is now
    account_id bigint not null,      -- with seq: the entry that granted it
    seq bigint not null,
    granted bigint not null,
    open bigint not null,            -- pending, available, or expired and not yet booked so
    held bigint not null default 0,
    value_per_point numeric not null,  -- minor units
    earned_at timestamptz not null,
    available_from timestamptz not null,
    expires_at timestamptz not null,   -- 'infinity' = never
    settings_version int,
    live boolean not null generated always as (open + held > 0) stored,  -- for indexes that survive other changes
    primary key (programme_id, lot_id),
    constraint lot_granted_check check (granted > 0),
    constraint lot_open_check check (open >= 0),
    constraint lot_held_check check (held >= 0),
    constraint lot_total_check check (open + held <= granted),
    constraint lot_value_check check (value_per_point > 0 and value_per_point < 'infinity'),
    constraint lot_life_check check (available_from < expires_at)
) with (fillfactor = 80);

create index lot_of_owner on ledger.lot (programme_id, owner_id, expires_at) where live;

-- For the sweep alone: every lot was granted points, but only a query that says so is given this index (as with
-- hold_by_end).
create index lot_by_expiry on ledger.lot (programme_id, expires_at)
where live and granted > 0 and expires_at < 'infinity';
