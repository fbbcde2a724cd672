-- Books what is due on at most in_limit cards of a programme that nobody else has locked.
-- Only tidies up, as ledger.sweep.
-- status: ok | clock_ahead. cards = how many were brought to now.
-- Locks those cards.

create function ledger.sweep_cards(
    in_programme int, in_limit int, in_now timestamptz, out status text, out cards bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    waiting uuid;
begin
    cards := 0;
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    status := 'ok';
    for waiting in
        select c.card_id from ledger.card c
        where c.programme_id = in_programme and c.card_id in (
            (select e.card_id from ledger.card e
            where e.programme_id = in_programme and e.open > 0 and e.expires_at < 'infinity'
                and e.expires_at <= in_now
            order by e.expires_at limit in_limit)
            union
            (select h.card_id from ledger.card_hold h
            where h.programme_id = in_programme and h.state = 'held' and h.amount > 0 and h.expires_at <= in_now
            order by h.expires_at limit in_limit)
        )
        order by c.card_id
        limit in_limit
        for no key update skip locked
    loop
        perform ledger.enter_card(in_programme, waiting, in_now);
        cards := cards + 1;
    end loop;
end;
$$;
