-- The beginning of every read: guard, account, and what is due on it by in_at but not booked. A read writes nothing.
-- Nothing due: due is null, and the figures are those stored (the closed form). Otherwise a figure is stored + due.
-- account_id is null when there is no such account in the programme.

create type ledger.reading as (
    account_id bigint, at timestamptz, as_of timestamptz, last_seq bigint, debt bigint, due ledger.due_line[]);

create function ledger.read_account(in_programme int, in_account bigint, in_at timestamptz) returns ledger.reading
language plpgsql stable as $$
declare
    account ledger.account;
    reading ledger.reading;
begin
    perform ledger.guard(in_programme);
    account.merged_into := in_account;
    while account.merged_into is not null loop
        select * into account from ledger.account a
        where a.programme_id = in_programme and a.account_id = account.merged_into;
    end loop;
    reading.account_id := account.account_id;
    reading.at := greatest(in_at, account.as_of);
    reading.as_of := account.as_of;
    reading.last_seq := account.last_seq;
    reading.debt := account.debt;
    if ledger.is_due(in_programme, account.account_id, account.as_of, account.debt, reading.at) then
        reading.due := array(select d from ledger.due(in_programme, array[account.account_id], reading.at) as d);
        reading.debt := account.debt - (
            select coalesce(sum(points), 0) from unnest(reading.due) as d where d.kind = 'settle');
    end if;
    return reading;
end;
$$;

-- The live lots of an account as they are at the reading's instant, from what is stored and what is due.
create function ledger.lots_at(in_programme int, in_reading ledger.reading)
returns table (
    lot_id bigint, open bigint, held bigint, value_per_point numeric, available_from timestamptz,
    expires_at timestamptz)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    select
        l.lot_id, l.open + coalesce(moved.open, 0)::bigint, l.held - coalesce(moved.held, 0)::bigint,
        l.value_per_point, l.available_from, l.expires_at
    from ledger.lot l
    left join (
        select
            d.lot_id,
            sum(case when d.credit = 'open' then d.points when d.debit = 'open' then -d.points end) as open,
            sum(d.points) filter (where d.debit = 'held') as held
        from unnest(in_reading.due) as d
        group by d.lot_id
    ) as moved using (lot_id)
    where l.programme_id = in_programme and l.owner_id = in_reading.account_id and l.live;
end;
$$;
