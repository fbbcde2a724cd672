-- Late captures: what a voucher paid when its hold had ended. The first purchase of a hold that lapsed, if it is
-- reported late (R21); and every further one, when its order was returned whole and is completed again (R28).

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
