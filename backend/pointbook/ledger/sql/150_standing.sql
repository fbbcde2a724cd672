-- Which account stands for another after merges.

-- The account that stands for another after merges: itself, if it was not merged or does not exist.
create function ledger.stands_for(in_programme int, in_account bigint) returns bigint
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    standing bigint := in_account;
    target bigint;
begin
    perform ledger.guard(in_programme);
    loop
        select a.merged_into into target from ledger.account a
        where a.programme_id = in_programme and a.account_id = standing;
        exit when target is null;
        standing := target;
    end loop;
    return standing;
end;
$$;

-- All accounts for which one stands: itself, and those that were merged into it, directly or not.
create function ledger.accounts_of(in_programme int, in_account bigint) returns setof bigint
language plpgsql stable as $$
begin
    return query
    with recursive merged as (
        select in_account as account_id
        union
        select a.account_id
        from merged m
        join ledger.account a on a.programme_id = in_programme and a.merged_into = m.account_id
    )
    select account_id from merged;
end;
$$;
