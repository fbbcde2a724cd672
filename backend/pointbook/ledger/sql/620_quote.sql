-- What ledger.hold would charge for a cart, or its refusal. Writes nothing and locks nothing.
-- status: ok | no_account | inactive | locked | insufficient (available) | exceeds_cart (maximum) | below_minimum

create function ledger.quote(
    in_programme int, in_account bigint, in_cart bytea, in_points bigint, in_limit bigint, in_minimum bigint,
    in_point_value numeric, in_now timestamptz)
returns ledger.price
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    reading ledger.reading;
    account ledger.account;
    replaced ledger.hold;
    free ledger.free_parts;
    price ledger.price;
begin
    reading := ledger.read_account(in_programme, in_account, in_now);
    select * into account from ledger.account
    where programme_id = in_programme and account_id = reading.account_id;
    if account.account_id is null then
        price.status := 'no_account';
        return price;
    elsif not account.may_spend then
        price.status := case when account.may_earn then 'locked' else 'inactive' end;
        return price;
    end if;

    replaced := ledger.open_hold_of_cart(in_programme, account.account_id, in_cart, reading.at);
    if reading.due is null then
        free := ledger.free_parts(in_programme, account.account_id, reading.at, replaced, in_point_value);
    else
        free := ledger.free_parts_at(in_programme, reading, replaced, in_point_value);
    end if;
    return ledger.price_of(free.points, free.values, in_points, in_limit, in_minimum);
end;
$$;

-- ledger.free_parts for an account on which something is due.
create function ledger.free_parts_at(
    in_programme int, in_reading ledger.reading, in_hold ledger.hold, in_point_value numeric)
returns ledger.free_parts
language plpgsql stable as $$
declare
    free ledger.free_parts;
begin
    select
        coalesce(array_agg(lot_id), '{}'), coalesce(array_agg(points), '{}'),
        coalesce(array_agg(coalesce(in_point_value, value_per_point)), '{}')
    into free
    from (
        select
            l.lot_id, l.value_per_point,
            coalesce(part.points, 0)
                + case when l.available_from <= in_reading.at and l.expires_at > in_reading.at then l.open else 0 end
                as points
        from ledger.lots_at(in_programme, in_reading) as l
        left join ledger.transfer part
            on part.programme_id = in_programme and part.account_id = in_hold.account_id and part.seq = in_hold.seq
            and part.lot_id = l.lot_id
        order by l.expires_at, l.available_from, l.lot_id
    ) as in_order
    where points > 0;
    return free;
end;
$$;
