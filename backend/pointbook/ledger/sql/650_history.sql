-- The entries of an account, newest first, those due and not booked included, with numbers below in_before.
-- points = effect on open + held - debt, held = effect on held, moved = all points of the entry.

create type ledger.history_line as (
    seq bigint, kind text, at timestamptz, points bigint, held bigint, moved bigint,
    source_type text, source_id text, hold_id uuid);

create function ledger.history_at(in_programme int, in_reading ledger.reading, in_first int, in_before bigint)
returns setof ledger.history_line
language plpgsql stable as $$
declare
    unbooked int := 0;
    before bigint;
begin
    if in_reading.due is not null then
        return query
        select
            d.seq, d.kind, d.at,
            sum(ledger.effect_on_owned(d.debit, d.credit) * d.points)::bigint,
            sum(ledger.effect_on_held(d.debit, d.credit) * d.points)::bigint,
            sum(d.points)::bigint, null::text, null::text, d.hold_id
        from unnest(in_reading.due) as d
        where in_before is null or d.seq < in_before
        group by d.seq, d.kind, d.at, d.hold_id
        order by d.seq desc
        limit in_first;
        get diagnostics unbooked = row_count;
    end if;

    before := least(in_before, in_reading.last_seq + 1);
    return query
    with moves as materialized (
        select
            t.seq,
            sum(ledger.effect_on_owned(t.debit, t.credit) * t.points)::bigint as points,
            sum(ledger.effect_on_held(t.debit, t.credit) * t.points)::bigint as held,
            sum(t.points)::bigint as moved
        from ledger.transfer t
        where t.programme_id = in_programme and t.account_id = in_reading.account_id
            and t.seq >= before - (in_first - unbooked) and t.seq < before  -- numbers have no gap
        group by t.seq
    )
    select
        e.seq, e.kind, e.at, coalesce(m.points, 0), coalesce(m.held, 0), coalesce(m.moved, 0),
        e.source_type, e.source_id, e.hold_id
    from ledger.entry e
    left join moves m using (seq)
    where e.programme_id = in_programme and e.account_id = in_reading.account_id
        and e.seq >= before - (in_first - unbooked) and e.seq < before
    order by e.seq desc;
end;
$$;

-- +1, 0 or -1: what a transfer does to the points a member owns. A debt that grows takes from them.
create function ledger.effect_on_owned(in_debit text, in_credit text) returns int
language sql immutable as $$
    select (in_credit in ('open', 'held', 'debt'))::int - (in_debit in ('open', 'held', 'debt'))::int
$$;

create function ledger.effect_on_held(in_debit text, in_credit text) returns int
language sql immutable as $$
    select (in_credit = 'held')::int - (in_debit = 'held')::int
$$;

create function ledger.history(
    in_programme int, in_account bigint, in_now timestamptz, in_first int, in_before bigint)
returns setof ledger.history_line
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
begin
    return query
    select * from ledger.history_at(
        in_programme, ledger.read_account(in_programme, in_account, in_now), in_first, in_before);
end;
$$;

-- The entries of one account alone, newest first, with numbers below in_before: of one that was merged, those it had
-- until then, where ledger.history leads on to the account that stands for it.
create function ledger.own_history(
    in_programme int, in_account bigint, in_now timestamptz, in_first int, in_before bigint)
returns setof ledger.history_line
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    reading ledger.reading;
begin
    perform ledger.guard(in_programme);
    if ledger.stands_for(in_programme, in_account) = in_account then
        reading := ledger.read_account(in_programme, in_account, in_now);
    else  -- the clock causes nothing on it any more
        reading.account_id := in_account;
        reading.last_seq := (
            select a.last_seq from ledger.account a where a.programme_id = in_programme and a.account_id = in_account
        );
    end if;
    return query select * from ledger.history_at(in_programme, reading, in_first, in_before);
end;
$$;
