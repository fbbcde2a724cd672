-- Gives points of a purchase back to the lots they came from, the latest expiry first (R27). Of a lot that has expired:
-- into a new lot of the same worth, available at once, that ends at in_grace_expires_at; or, where that is null or not
-- in the future, they expire at once. Then they pay debt (R26).
-- Points that nobody had cancel the debt that they became, as far as it is still owed; what has been paid of it comes
-- back as if it were of the hold's latest lot: in a new one, with that lot's expiry while it lies ahead.
-- in_hold: of a voucher's purchase; null = of a spend.
-- The caller has locked the account, knows that so much is left of the purchase, and brought the account to now.

create type ledger.given_back as (
    account_id bigint, seq bigint,  -- seq null: there was nothing to give back
    points bigint,
    anew bigint,      -- of them, in new lots
    expired bigint);  -- of them, expired at once

create function ledger.give_back_of(
    in_programme int, in_purchase ledger.purchase, in_hold uuid, in_points bigint, in_grace_expires_at timestamptz,
    in_source_type text, in_source_id text, in_occurrence int, in_now timestamptz)
returns ledger.given_back
language plpgsql as $$
declare
    account ledger.entered := ledger.enter(in_programme, in_purchase.account_id, in_now);
    given ledger.given_back;
    cancelled bigint;
begin
    given.account_id := account.account_id;
    given.points := in_points;
    given.anew := 0;
    given.expired := 0;
    if in_points = 0 then
        return given;
    end if;

    account.seq := account.seq + 1;
    given.seq := account.seq;
    with walked as (
        select
            number, lot_id, captured - given_back as points,
            in_points - (sum(captured - given_back) over (order by number) - (captured - given_back)) as wanted
        from ledger.redeemed_parts(in_programme, in_purchase, null)
            with ordinality as part (
                lot_id, captured, given_back, value_per_point, expires_at, of_points, of_value, number)
    ), cancelled as (
        select number, least(points, wanted, account.debt) as points
        from walked
        where lot_id is null and least(points, wanted, account.debt) > 0
    ), back as materialized (
        select
            w.number, w.lot_id, least(w.points, w.wanted) - coalesce(c.points, 0) as points, l.value_per_point,
            l.earned_at, l.settings_version, ends.at as expires_at,
            case
                when w.lot_id is not null and l.expires_at > account.at then 'open'
                when ends.at > account.at then 'moved'
                else 'expired'
            end as credit
        from walked w
        left join cancelled c using (number)
        cross join lateral (
            select * from ledger.lot l
            where l.programme_id = in_programme
                and l.lot_id = coalesce(w.lot_id, ledger.latest_lot_of(in_programme, in_hold))
            limit 1  -- looked up row by row: without statistics a join reads the lots of the whole programme
        ) as l
        cross join lateral (
            select case
                when w.lot_id is null and l.expires_at > account.at then l.expires_at
                else in_grace_expires_at
            end as at
        ) as ends
        where w.wanted > 0 and least(w.points, w.wanted) > coalesce(c.points, 0)
    ), anew as materialized (
        select nextval('ledger.lot_id') as lot_id, number, points, value_per_point, earned_at, settings_version,
            expires_at
        from (select * from back where credit = 'moved' order by number) as in_order
    ), entries as (
        insert into ledger.entry (
            programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, hold_id, of_account_id,
            of_seq)
        values (
            in_programme, account.account_id, account.seq, 'give_back', account.at, in_source_type, in_source_id,
            in_occurrence, in_hold, in_purchase.account_id, in_purchase.seq)
    ), granted as (
        insert into ledger.lot (
            programme_id, lot_id, owner_id, account_id, seq, granted, open, value_per_point, earned_at,
            available_from, expires_at, settings_version)
        select
            in_programme, lot_id, account.account_id, account.account_id, account.seq, points, points,
            value_per_point, earned_at, account.at, expires_at, settings_version
        from anew
    ), lots as (
        update ledger.lot l
        set open = l.open + case when back.credit = 'open' then back.points else 0 end,
            owner_id = account.account_id  -- a merge may have left a used-up lot behind
        from back
        where l.programme_id = in_programme and l.lot_id = back.lot_id
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select
            in_programme, account.account_id, account.seq, row_number() over (order by number, rank), debit, credit,
            lot_id, points
        from (
            select number, 0 as rank, 'redeemed' as debit, 'debt' as credit, null::bigint as lot_id, points
            from cancelled
            union all
            select number, 1, 'redeemed', credit, lot_id, points from back
            union all
            select number, 2, 'moved', 'open', lot_id, points from anew
        ) as moved
    )
    select
        coalesce((select sum(points) from cancelled), 0),
        coalesce(sum(points) filter (where credit = 'moved'), 0),
        coalesce(sum(points) filter (where credit = 'expired'), 0)
    into cancelled, given.anew, given.expired
    from back;

    perform ledger.leave(
        in_programme, account.account_id, account.seq, account.at, account.debt - cancelled, false);
    return given;
end;
$$;

-- Of a voucher's purchase.
create function ledger.give_back(
    in_programme int, in_hold uuid, in_purchase int, in_points bigint, in_grace_expires_at timestamptz,
    in_source_type text, in_source_id text, in_occurrence int, in_now timestamptz)
returns ledger.given_back
language plpgsql as $$
begin
    return ledger.give_back_of(
        in_programme, ledger.purchase_of(in_programme, in_hold, in_purchase), in_hold, in_points,
        in_grace_expires_at, in_source_type, in_source_id, in_occurrence, in_now);
end;
$$;

-- The lot of a hold that spending would have taken last.
create function ledger.latest_lot_of(in_programme int, in_hold uuid) returns bigint
language plpgsql stable as $$
begin
    return (
        select l.lot_id
        from ledger.hold h
        join ledger.transfer part
            on part.programme_id = h.programme_id and part.account_id = h.account_id and part.seq = h.seq
        join ledger.lot l on l.programme_id = part.programme_id and l.lot_id = part.lot_id
        where h.programme_id = in_programme and h.hold_id = in_hold
        order by l.expires_at desc, l.available_from desc, l.lot_id desc
        limit 1
    );
end;
$$;
