-- The beginning of a write to many accounts at once, in the order of the lock protocol.

-- Locks accounts in key order, two of them one by one. Returns, in the order given, the account that stands for each
-- after merges; one that does not exist stands for itself.
create function ledger.lock_all(in_programme int, in_accounts bigint[]) returns bigint[]
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

-- Brings locked accounts to now; those at rest cost their probes.
create function ledger.bring_to(in_programme int, in_accounts bigint[], in_now timestamptz) returns void
language plpgsql as $$
declare
    waiting bigint[];
begin
    waiting := array(
        select a.account_id
        from ledger.account a
        where a.programme_id = in_programme and a.account_id = any(in_accounts) and (
            exists (
                select from ledger.hold h
                where h.programme_id = in_programme and h.owner_id = a.account_id
                    and h.state = 'held' and h.expires_at <= greatest(in_now, a.as_of)
            ) or exists (
                select from ledger.lot l
                where l.programme_id = in_programme and l.owner_id = a.account_id and l.live and l.open > 0
                    and l.expires_at <= greatest(in_now, a.as_of)
            ) or a.debt > 0 and exists (
                select from ledger.lot l
                where l.programme_id = in_programme and l.owner_id = a.account_id and l.live and l.open > 0
                    and l.available_from <= greatest(in_now, a.as_of)
            )
        )
    );
    if cardinality(waiting) > 0 then
        perform ledger.book_due(in_programme, waiting, in_now);
    end if;
end;
$$;

-- Locks accounts in key order for a use case that locks rows of its own after them. Books nothing.
-- Returns for each account that exists the one that stands for it.
create function ledger.lock_accounts(in_programme int, in_accounts bigint[])
returns table (given bigint, account_id bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    targets bigint[];
begin
    perform ledger.guard(in_programme);
    targets := ledger.lock_all(in_programme, in_accounts);
    return query
    select g.given, a.account_id
    from unnest(in_accounts, targets) as g (given, target)
    join ledger.account a on a.programme_id = in_programme and a.account_id = g.target;
end;
$$;
