-- Gives points of a capture back to the lots they came from, the latest expiry first (R27). Of a lot that has expired:
-- into a new lot of the same worth, available at once, that ends at in_grace_expires_at; or, where that is null or not
-- in the future, they expire at once. Then they pay debt (R26).
-- The caller has locked the account, knows that so much is left of the capture, and brought the account to now.

create type ledger.given_back as (
    account_id bigint, seq bigint,  -- seq null: there was nothing to give back
    points bigint,
    anew bigint,      -- of them, in new lots
    expired bigint);  -- of them, expired at once

create function ledger.give_back(
    in_programme int, in_hold ledger.hold, in_points bigint, in_grace_expires_at timestamptz, in_source_type text,
    in_source_id text, in_occurrence int, in_now timestamptz)
returns ledger.given_back
language plpgsql as $$
declare
    account ledger.entered := ledger.enter(in_programme, in_hold.owner_id, in_now);
    given ledger.given_back;
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
        from ledger.captured_parts(in_programme, in_hold.hold_id)
            with ordinality as part (lot_id, captured, given_back, value_per_point, expires_at, number)
    ), back as materialized (
        select
            w.number, l.lot_id, least(w.points, w.wanted) as points, l.value_per_point, l.earned_at,
            l.settings_version,
            case
                when l.expires_at > account.at then 'open'
                when in_grace_expires_at > account.at then 'moved'
                else 'expired'
            end as credit
        from walked w
        cross join lateral (
            select * from ledger.lot l
            where l.programme_id = in_programme and l.lot_id = w.lot_id
            limit 1  -- looked up row by row: without statistics a join reads the lots of the whole programme
        ) as l
        where w.wanted > 0 and w.points > 0
    ), anew as materialized (
        select nextval('ledger.lot_id') as lot_id, number, points, value_per_point, earned_at, settings_version
        from (select * from back where credit = 'moved' order by number) as in_order
    ), entries as (
        insert into ledger.entry (
            programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, hold_id, of_account_id,
            of_seq)
        values (
            in_programme, account.account_id, account.seq, 'give_back', account.at, in_source_type, in_source_id,
            in_occurrence, in_hold.hold_id, in_hold.owner_id, in_hold.end_seq)
    ), granted as (
        insert into ledger.lot (
            programme_id, lot_id, owner_id, account_id, seq, granted, open, value_per_point, earned_at,
            available_from, expires_at, settings_version)
        select
            in_programme, lot_id, account.account_id, account.account_id, account.seq, points, points,
            value_per_point, earned_at, account.at, in_grace_expires_at, settings_version
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
            select number, 1 as rank, 'redeemed' as debit, credit, lot_id, points from back
            union all
            select number, 2, 'moved', 'open', lot_id, points from anew
        ) as moved
    )
    select
        coalesce(sum(points) filter (where credit = 'moved'), 0),
        coalesce(sum(points) filter (where credit = 'expired'), 0)
    into given.anew, given.expired
    from back;

    perform ledger.leave(in_programme, account.account_id, account.seq, account.at, account.debt, false);
    return given;
end;
$$;
