-- Balances: of now, of a future instant as the clock alone will make it, of a past one as it was.
-- available, pending, held, debt in points; value = of the available points, rounded down once, in minor units.

create type ledger.balance as (available bigint, pending bigint, held bigint, debt bigint, value bigint);

create function ledger.balance_at(in_programme int, in_reading ledger.reading, in_point_value numeric)
returns ledger.balance
language plpgsql stable as $$
declare
    balance ledger.balance;
begin
    if in_reading.due is null then
        select
            coalesce(sum(open) filter (where available_from <= in_reading.at and expires_at > in_reading.at), 0),
            coalesce(sum(open) filter (where available_from > in_reading.at), 0),
            coalesce(sum(held), 0),
            in_reading.debt,
            coalesce(floor(sum(open * coalesce(in_point_value, value_per_point))
                filter (where available_from <= in_reading.at and expires_at > in_reading.at)), 0)
        into balance
        from ledger.lot
        where programme_id = in_programme and owner_id = in_reading.account_id and live;
    else
        select
            coalesce(sum(open) filter (where available_from <= in_reading.at and expires_at > in_reading.at), 0),
            coalesce(sum(open) filter (where available_from > in_reading.at), 0),
            coalesce(sum(held), 0),
            in_reading.debt,
            coalesce(floor(sum(open * coalesce(in_point_value, value_per_point))
                filter (where available_from <= in_reading.at and expires_at > in_reading.at)), 0)
        into balance
        from ledger.lots_at(in_programme, in_reading);
    end if;
    return balance;
end;
$$;

-- From the transfers of the entries up to in_at, which lies before the account's newest entry. Entries carry the
-- instant they were due, so this is what a read at that instant answered.
create function ledger.past_balance(in_programme int, in_account bigint, in_at timestamptz, in_point_value numeric)
returns ledger.balance
language plpgsql stable as $$
declare
    last_seq bigint;
    balance ledger.balance;
begin
    last_seq := (
        select seq from ledger.entry
        where programme_id = in_programme and account_id = in_account and at <= in_at
        order by seq desc limit 1
    );
    with moved as (
        select
            lot_id,
            sum(case 'open' when credit then points when debit then -points else 0 end) as open,
            sum(case 'held' when credit then points when debit then -points else 0 end) as held,
            sum(case 'debt' when debit then points when credit then -points else 0 end) as debt
        from ledger.transfer
        where programme_id = in_programme and account_id = in_account and seq <= last_seq
        group by lot_id
    )
    select
        coalesce(sum(m.open) filter (where l.available_from <= in_at and l.expires_at > in_at), 0),
        coalesce(sum(m.open) filter (where l.available_from > in_at), 0),
        coalesce(sum(m.held), 0),
        coalesce(sum(m.debt), 0),
        coalesce(floor(sum(m.open * coalesce(in_point_value, l.value_per_point))
            filter (where l.available_from <= in_at and l.expires_at > in_at)), 0)
    into balance
    from moved m
    left join ledger.lot l on l.programme_id = in_programme and l.lot_id = m.lot_id;
    return balance;
end;
$$;

-- One row, or none if there is no such account. An in_as_of that is not before in_now is brought to the account's
-- instant, as a write would be.
create function ledger.balance(
    in_programme int, in_account bigint, in_as_of timestamptz, in_now timestamptz, in_point_value numeric)
returns setof ledger.balance
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    reading ledger.reading;
begin
    reading := ledger.read_account(in_programme, in_account, in_as_of);
    if reading.account_id is null then
        return;
    elsif in_as_of < least(in_now, reading.as_of) then
        return next ledger.past_balance(in_programme, reading.account_id, in_as_of, in_point_value);
    else
        return next ledger.balance_at(in_programme, reading, in_point_value);
    end if;
end;
$$;
