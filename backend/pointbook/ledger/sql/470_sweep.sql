-- Books what is due on at most in_limit accounts of a programme that nobody else has locked; the others are met next
-- time. Only tidies up: no answer depends on it.
-- status: ok | clock_ahead. accounts = how many were brought to now.
-- Locks those accounts in key order.

create function ledger.sweep(
    in_programme int, in_limit int, in_now timestamptz, out status text, out accounts bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    waiting bigint[];
begin
    accounts := 0;
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    status := 'ok';

    waiting := array(
        select a.account_id from ledger.account a
        where a.programme_id = in_programme and a.account_id = any(array(
            select owner_id from (
                select unnest(ledger.owners_of_expired_lots(in_programme, in_limit, in_now)) as owner_id
                union
                (select h.owner_id from ledger.hold h
                where h.programme_id = in_programme and h.state = 'held' and h.points > 0 and h.expires_at <= in_now
                order by h.expires_at limit in_limit)
                union
                (select d.account_id from ledger.account d
                where d.programme_id = in_programme and d.debt > 0 and exists (
                    select from ledger.lot l
                    where l.programme_id = in_programme and l.owner_id = d.account_id and l.live and l.open > 0
                        and l.available_from <= in_now and l.expires_at > l.available_from)
                limit in_limit)
            ) as candidate
            limit in_limit
        ))
        order by a.account_id
        for no key update skip locked
    );
    accounts := cardinality(waiting);
    if accounts > 0 then
        perform ledger.book_due(in_programme, waiting, in_now);
    end if;
end;
$$;

-- Owners of lots that have expired and are not booked so, the oldest first: in_limit of them or all there are, without
-- reading every such lot.
create function ledger.owners_of_expired_lots(in_programme int, in_limit int, in_now timestamptz) returns bigint[]
language plpgsql stable as $$
declare
    wanted int := in_limit * 4;
    lots int;
    owners bigint[];
begin
    loop
        select count(*), array_agg(distinct owner_id) into lots, owners
        from (
            select l.owner_id from ledger.lot l
            where l.programme_id = in_programme and l.live and l.granted > 0 and l.expires_at < 'infinity'
                and l.open > 0 and l.expires_at <= in_now
            order by l.expires_at
            limit wanted
        ) as oldest;
        if lots < wanted or cardinality(owners) >= in_limit then
            return owners;
        end if;
        wanted := wanted * 4;
    end loop;
end;
$$;
