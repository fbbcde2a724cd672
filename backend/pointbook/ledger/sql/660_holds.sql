-- The holds of an account that are open, oldest first, and the hold of a voucher code.

create function ledger.holds_at(in_programme int, in_reading ledger.reading) returns setof ledger.hold
language plpgsql stable as $$
begin
    return query
    select * from ledger.hold h
    where h.programme_id = in_programme and h.owner_id = in_reading.account_id
        and h.state = 'held' and h.expires_at > in_reading.at
    order by h.created_at, h.account_id, h.seq;
end;
$$;

create function ledger.holds(in_programme int, in_account bigint, in_now timestamptz)
returns setof ledger.hold_answer
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    found_hold ledger.hold;
begin
    for found_hold in
        select * from ledger.holds_at(in_programme, ledger.read_account(in_programme, in_account, in_now))
    loop
        return next ledger.hold_answer_of(found_hold);
    end loop;
end;
$$;

-- One row, or none. Past its end a hold is lapsed, whether or not that is booked.
create function ledger.hold_of_code(in_programme int, in_code_hash bytea, in_now timestamptz)
returns setof ledger.hold_answer
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    found_hold ledger.hold;
begin
    perform ledger.guard(in_programme);
    select * into found_hold from ledger.hold where programme_id = in_programme and code_hash = in_code_hash;
    if not found then
        return;
    end if;
    if found_hold.state = 'held' and found_hold.expires_at <= in_now then
        found_hold.state := 'lapsed';
        found_hold.ended_at := found_hold.expires_at;
    end if;
    return next ledger.hold_answer_of(found_hold);
end;
$$;
