-- Late captures: what a voucher paid when its hold had ended. The first purchase of a hold that lapsed, if it is reported
-- late (R21); and every further one, when its order was returned whole and is completed again (R28).

alter table ledger.entry
    drop constraint entry_kind_check,
    drop constraint entry_hold_check,
    add constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal', 'late_capture'
    )),
    add constraint entry_hold_check check (
        (hold_id is not null)
        = (kind in ('hold', 'extend', 'capture', 'release', 'lapse', 'give_back', 'late_capture'))
    );

-- Whether in time or late, a source is captured for once.
create unique index entry_purchase_key on ledger.entry (programme_id, source_type, source_id, occurrence)
where kind in ('capture', 'late_capture') and source_type is not null;

-- Points in no lot: those by which a debt grows, and those of them that a return gives back.
alter table ledger.transfer
    drop constraint transfer_lot_check,
    add constraint transfer_lot_check check (lot_id is not null or debit in ('debt', 'redeemed'));

create table ledger.late_capture (
    programme_id int not null,
    hold_id uuid not null,
    purchase int not null,         -- 1 = the hold's first
    account_id bigint not null,    -- with seq: its entry
    seq bigint not null,
    points bigint not null,
    value bigint not null,         -- minor units; every point is worth the same share of it
    debt bigint not null,          -- of the points: nobody had them
    primary key (programme_id, hold_id, purchase),
    constraint late_capture_purchase_check check (purchase > 0),
    constraint late_capture_points_check check (points > 0 and value > 0 and debt between 0 and points)
);

create trigger late_capture_immutable before update or delete or truncate on ledger.late_capture
for each statement execute function ledger.refuse_change();

alter table ledger.late_capture enable row level security;
alter table ledger.late_capture force row level security;
create policy tenant on ledger.late_capture
    using (programme_id = nullif(current_setting('app.programme', true), '')::int);
revoke all on ledger.late_capture from public;
grant select on ledger.late_capture to pointbook_app;
