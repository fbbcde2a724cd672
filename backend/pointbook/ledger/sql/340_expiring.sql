-- Points that nobody holds and that expire in (the reading's instant, in_until], by date (R17). Pending ones count:
-- every lot becomes available before it expires.

create function ledger.expiring_at(in_programme int, in_reading ledger.reading, in_until timestamptz)
returns table (expires_at timestamptz, points bigint)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    select l.expires_at, sum(l.open)::bigint
    from ledger.lots_at(in_programme, in_reading) as l
    where l.open > 0 and l.expires_at > in_reading.at and l.expires_at <= in_until
    group by l.expires_at
    order by l.expires_at;
end;
$$;

create function ledger.expiring(in_programme int, in_account bigint, in_now timestamptz, in_until timestamptz)
returns table (expires_at timestamptz, points bigint)
language plpgsql stable security definer set search_path = ledger, pg_temp as $$
begin
    return query
    select * from ledger.expiring_at(
        in_programme, ledger.read_account(in_programme, in_account, in_now), in_until);
end;
$$;
