-- Spends available points at once, without a hold and in R15's order, for what the source says: a gift card or an
-- exchange, at a fixed price. All of it may be given back, once, when that is undone (410_unspend.sql).
-- status: ok | key_conflict | no_account | clock_ahead | inactive | locked | insufficient (available)
-- Locks the account.

create function ledger.spend(
    in_programme int, in_account bigint, in_points bigint, in_source_type text, in_source_id text,
    in_request bytea[], in_now timestamptz,
    out status text, out account_id bigint, out seq bigint, out available bigint, out replayed boolean)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    account ledger.entered;
    earlier record;
    free ledger.free_parts;
begin
    account := ledger.enter(in_programme, in_account, in_now);
    status := account.status;
    if status <> 'ok' then
        return;
    end if;
    account_id := account.account_id;
    earlier := ledger.replay(in_programme, in_request);
    replayed := earlier.status is not null;
    if replayed then
        status := earlier.status;
        account_id := earlier.answer ->> 'account';
        seq := earlier.answer ->> 'seq';
        return;
    elsif not account.may_spend then
        status := case when account.may_earn then 'locked' else 'inactive' end;
        return;
    end if;
    free := ledger.free_parts(in_programme, account_id, account.at, null, null);
    available := (select coalesce(sum(points), 0) from unnest(free.points) as points);
    if in_points > available then
        status := 'insufficient';
        return;
    end if;

    seq := account.seq + 1;
    with walked as (
        select lot_id, points, line, in_points - (sum(points) over (order by line) - points) as wanted
        from unnest(free.lots, free.points) with ordinality as f (lot_id, points, line)
    ), taken as (
        select lot_id, least(points, wanted) as points, line from walked where wanted > 0
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at, source_type, source_id, occurrence)
        values (in_programme, account.account_id, account.seq + 1, 'spend', account.at, in_source_type, in_source_id, 1)
    ), lots as (
        update ledger.lot l set open = l.open - taken.points from taken
        where l.programme_id = in_programme and l.lot_id = taken.lot_id
    )
    insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
    select in_programme, account.account_id, account.seq + 1, t.line, 'open', 'redeemed', t.lot_id, t.points
    from taken t;
    perform ledger.remember(
        in_programme, account_id, in_request, jsonb_build_object('account', account_id, 'seq', seq));
    perform ledger.leave(in_programme, account_id, seq, account.at, account.debt, false);
end;
$$;

-- What a request has spent, and for which source; no status if it was not seen yet. Right under the lock of its
-- account.
-- status: null | ok | key_conflict
create function ledger.spent_by(
    in_programme int, in_request bytea[],
    out status text, out account_id bigint, out seq bigint, out points bigint, out source_type text,
    out source_id text)
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    earlier record;
begin
    perform ledger.guard(in_programme);
    earlier := ledger.replay(in_programme, in_request);
    status := earlier.status;
    account_id := earlier.answer ->> 'account';
    seq := earlier.answer ->> 'seq';
    select e.source_type, e.source_id, t.points into source_type, source_id, points
    from ledger.entry e
    cross join lateral (
        select sum(t.points) as points from ledger.transfer t
        where t.programme_id = e.programme_id and t.account_id = e.account_id and t.seq = e.seq
    ) as t
    where e.programme_id = in_programme and e.account_id = (earlier.answer ->> 'account')::bigint
        and e.seq = (earlier.answer ->> 'seq')::bigint;
end;
$$;
