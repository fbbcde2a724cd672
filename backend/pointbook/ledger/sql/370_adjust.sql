-- A manual plus or minus (R31), whatever the account may do otherwise.
-- A plus (in_points > 0) grants a lot. A minus takes available points in R15's order; what is missing becomes debt if
-- in_allow_negative, else it is refused.
-- status: ok | key_conflict | no_account | clock_ahead | insufficient (available)
-- Locks the account.

create function ledger.adjust(
    in_programme int, in_account bigint, in_points bigint, in_value numeric, in_available_from timestamptz,
    in_expires_at timestamptz, in_version int, in_allow_negative boolean, in_request bytea[], in_now timestamptz,
    out status text, out account_id bigint, out seq bigint, out available bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    account ledger.entered;
    earlier record;
begin
    if in_points = 0 or in_points > 0 and in_expires_at <= greatest(in_now, in_available_from) then
        raise exception 'an adjustment by nothing, or by a lot that nobody could spend';
    end if;
    account := ledger.enter(in_programme, in_account, in_now);
    status := account.status;
    if status <> 'ok' then
        return;
    end if;
    account_id := account.account_id;
    earlier := ledger.replay(in_programme, in_request);
    if earlier.status is not null then
        status := earlier.status;
        seq := earlier.answer ->> 'seq';
        return;
    end if;

    account.seq := account.seq + 1;
    if in_points > 0 then
        perform ledger.add_lot(
            in_programme, account, in_points, in_value, in_available_from, coalesce(in_expires_at, 'infinity'),
            in_version);
    else
        available := ledger.take_away(in_programme, account, -in_points, in_allow_negative);
        if -in_points > available and not in_allow_negative then
            status := 'insufficient';
            return;
        end if;
        account.debt := account.debt + greatest(0, -in_points - available);
    end if;
    seq := account.seq;
    perform ledger.remember(in_programme, account_id, in_request, jsonb_build_object('seq', seq));
    -- Under a clock that was set back a new lot may have expired.
    perform ledger.leave(in_programme, account_id, seq, account.at, account.debt, account.at > in_now);
end;
$$;

-- Writes the entry and the lot of a plus.
create function ledger.add_lot(
    in_programme int, in_account ledger.entered, in_points bigint, in_value numeric, in_available_from timestamptz,
    in_expires_at timestamptz, in_version int)
returns void
language plpgsql as $$
declare
    lot bigint := nextval('ledger.lot_id');
begin
    insert into ledger.entry (programme_id, account_id, seq, kind, at)
    values (in_programme, in_account.account_id, in_account.seq, 'adjust', in_account.at);
    insert into ledger.lot (
        programme_id, lot_id, owner_id, account_id, seq, granted, open, value_per_point, earned_at, available_from,
        expires_at, settings_version)
    values (
        in_programme, lot, in_account.account_id, in_account.account_id, in_account.seq, in_points, in_points,
        in_value, in_account.at, in_available_from, in_expires_at, in_version);
    insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
    values (in_programme, in_account.account_id, in_account.seq, 1, 'adjusted', 'open', lot, in_points);
end;
$$;

-- Writes the entry of a minus, the missing part as debt, and returns how many points were available. Writes nothing
-- if they do not suffice and debt is not allowed.
create function ledger.take_away(
    in_programme int, in_account ledger.entered, in_points bigint, in_allow_negative boolean) returns bigint
language plpgsql as $$
declare
    free ledger.free_parts;
    available bigint;
begin
    free := ledger.free_parts(in_programme, in_account.account_id, in_account.at, null, null);
    available := (select coalesce(sum(points), 0) from unnest(free.points) as points);
    if in_points > available and not in_allow_negative then
        return available;
    end if;

    with walked as (
        select lot_id, points, line, in_points - (sum(points) over (order by line) - points) as wanted
        from unnest(free.lots, free.points) with ordinality as f (lot_id, points, line)
    ), taken as (
        select lot_id, least(points, wanted) as points, line from walked where wanted > 0
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at)
        values (in_programme, in_account.account_id, in_account.seq, 'adjust', in_account.at)
    ), lots as (
        update ledger.lot l set open = l.open - taken.points from taken
        where l.programme_id = in_programme and l.lot_id = taken.lot_id
    )
    insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
    select in_programme, in_account.account_id, in_account.seq, line, 'open', 'adjusted', lot_id, points from taken
    union all
    select
        in_programme, in_account.account_id, in_account.seq, cardinality(free.lots) + 1, 'debt', 'adjusted', null,
        in_points - available
    where in_points > available;
    return available;
end;
$$;
