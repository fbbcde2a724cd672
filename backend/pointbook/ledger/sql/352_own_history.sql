-- The entries of one account alone, newest first, with numbers below in_before: of one that was merged, those it had until
-- then, where ledger.history leads on to the account that stands for it.

create function ledger.own_history(in_programme int, in_account bigint, in_now timestamptz, in_first int, in_before bigint)
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
