-- Points that nobody holds and that expire in (the reading's instant, in_until], by date (R17). Pending ones count:
-- every lot becomes available before it expires.

create function ledger.expiring_at(in_programme int, in_reading ledger.reading, in_until timestamptz)
returns table (expires_at timestamptz, points bigint)
language plpgsql stable as $$
#variable_conflict use_column
begin
    if in_reading.due is null then
        return query
        select l.expires_at, sum(l.open)::bigint
        from ledger.lot l
        where l.programme_id = in_programme and l.owner_id = in_reading.account_id and l.live
            and l.open > 0 and l.expires_at > in_reading.at and l.expires_at <= in_until
        group by l.expires_at
        order by l.expires_at;
    else
        return query
        select l.expires_at, sum(l.open)::bigint
        from ledger.lots_at(in_programme, in_reading) as l
        where l.open > 0 and l.expires_at > in_reading.at and l.expires_at <= in_until
        group by l.expires_at
        order by l.expires_at;
    end if;
end;
$$;

create function ledger.expiring(in_programme int, in_account bigint, in_now timestamptz, in_until timestamptz)
returns table (expires_at timestamptz, points bigint)
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
begin
    return query
    select * from ledger.expiring_at(
        in_programme, ledger.read_account(in_programme, in_account, in_now), in_until);
end;
$$;
