-- Gives points of a purchase back to the lots they came from, the latest expiry first (R27). Of a lot that has expired:
-- into a new lot of the same worth, available at once, that ends at in_grace_expires_at; or, where that is null or not
-- in the future, they expire at once. Then they pay debt (R26).
-- Points that nobody had cancel the debt that they became, as far as it is still owed; what has been paid of it comes
-- back as if it were of the hold's latest lot: in a new one, with that lot's expiry while it lies ahead.
-- in_hold: of a voucher's purchase; null = of a spend.
-- The caller has locked the account, knows that so much is left of the purchase, and brought the account to now.

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
create or replace function ledger.give_back(
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

-- Gives all points of a spend back, once, when what they bought is undone by in_source_… . Again: the first answer.
-- status: ok | clock_ahead | no_spend
-- Locks the account.
create function ledger.unspend(
    in_programme int, in_spent_type text, in_spent_id text, in_grace_expires_at timestamptz, in_source_type text,
    in_source_id text, in_now timestamptz, out status text, out given ledger.given_back)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    purchase ledger.purchase;
    account ledger.entered;
    request bytea[] := ledger.request_of_source(
        'give_back', in_source_type, in_source_id, 1, concat_ws(' ', in_spent_type, in_spent_id));
    earlier record;
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    select e.account_id, e.seq into purchase.account_id, purchase.seq
    from ledger.entry e
    where e.programme_id = in_programme and e.kind = 'spend' and e.source_type = in_spent_type
        and e.source_id = in_spent_id and e.occurrence = 1;
    if not found then
        status := 'no_spend';
        return;
    end if;
    account := ledger.enter(in_programme, purchase.account_id, in_now);
    earlier := ledger.replay(in_programme, request);
    if earlier.status = 'ok' then
        status := 'ok';
        given := jsonb_populate_record(null::ledger.given_back, earlier.answer);
        return;
    end if;
    purchase.points := (
        select sum(p.captured - p.given_back) from ledger.redeemed_parts(in_programme, purchase, null) as p
    );
    if earlier.status is not null or purchase.points = 0 then
        raise exception 'a spend is given back by one source, once';
    end if;
    status := 'ok';
    given := ledger.give_back_of(
        in_programme, purchase, null, purchase.points, in_grace_expires_at, in_source_type, in_source_id, 1, in_now);
    perform ledger.remember(in_programme, given.account_id, request, to_jsonb(given));
end;
$$;
