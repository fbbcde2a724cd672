-- Takes the place of the function of 155_enter_all.sql: two accounts are locked one by one.

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

-- Locks accounts in key order. Returns, in the order given, the account that stands for each after merges; one that
-- does not exist stands for itself.
create or replace function ledger.lock_all(in_programme int, in_accounts bigint[]) returns bigint[]
language plpgsql as $$
declare
    targets bigint[] := in_accounts;
begin
    if cardinality(in_accounts) = 2 then
        return ledger.lock_pair(in_programme, in_accounts);
    end if;
    loop
        while exists (
            select from ledger.account a
            where a.programme_id = in_programme and a.account_id = any(targets) and a.merged_into is not null
        ) loop
            targets := array(
                select coalesce(a.merged_into, given.account_id)
                from unnest(targets) with ordinality as given (account_id, number)
                left join ledger.account a on a.programme_id = in_programme and a.account_id = given.account_id
                order by given.number
            );
        end loop;

        perform from ledger.account a
        where a.programme_id = in_programme and a.account_id = any(targets)
        order by a.account_id
        for no key update;

        -- A merge that was committed before the lock was had leads on to another account.
        exit when not exists (
            select from ledger.account a
            where a.programme_id = in_programme and a.account_id = any(targets) and a.merged_into is not null
        );
    end loop;
    return targets;
end;
$$;

-- Of two accounts the second is locked only when the first is had, and only if it still stands for itself then. While a
-- merge of the two is waited for, others may wait for the account that it merges; they lock that one, and its target
-- next. Whoever had the target by then and asked for the merged account would never get it.
create function ledger.lock_pair(in_programme int, in_accounts bigint[]) returns bigint[]
language plpgsql as $$
declare
    targets bigint[];
    locked bigint[] := '{}';
    next_one bigint;
begin
    loop
        targets := array(
            select ledger.stands_for(in_programme, given.account_id)
            from unnest(in_accounts) with ordinality as given (account_id, number)
            order by given.number
        );
        next_one := (select min(t) from unnest(targets) as t where t <> all(locked));
        exit when next_one is null;
        perform from ledger.account a
        where a.programme_id = in_programme and a.account_id = next_one
        for no key update;
        locked := locked || next_one;
    end loop;
    return targets;
end;
$$;
