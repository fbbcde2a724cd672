-- Gives all points of a spend back, once, when what they bought is undone by in_source_… . Again: the first answer.
-- status: ok | clock_ahead | no_spend | no_account (its member has left: there is nobody to give them to)
-- Locks the account.

create function ledger.unspend(
    in_programme int, in_spent_type text, in_spent_id text, in_grace_expires_at timestamptz, in_source_type text,
    in_source_id text, in_now timestamptz, out status text, out given ledger.given_back)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    purchase ledger.purchase;
    account ledger.entered;
    request bytea[] := ledger.request_of_source(
        'give_back', in_source_type, in_source_id, 1, concat_ws(' ', in_spent_type, in_spent_id));
    earlier record;
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    select e.account_id, e.seq into purchase.account_id, purchase.seq
    from ledger.entry e
    where e.programme_id = in_programme and e.kind = 'spend' and e.source_type = in_spent_type
        and e.source_id = in_spent_id and e.occurrence = 1;
    if not found then
        status := 'no_spend';
        return;
    end if;
    account := ledger.enter(in_programme, purchase.account_id, in_now);
    earlier := ledger.replay(in_programme, request);
    if earlier.status = 'ok' then
        status := 'ok';
        given := jsonb_populate_record(null::ledger.given_back, earlier.answer);
        return;
    elsif account.status <> 'ok' then
        status := account.status;
        return;
    end if;
    purchase.points := (
        select sum(p.captured - p.given_back) from ledger.redeemed_parts(in_programme, purchase, null) as p
    );
    if earlier.status is not null or purchase.points = 0 then
        raise exception 'a spend is given back by one source, once';
    end if;
    status := 'ok';
    given := ledger.give_back_of(
        in_programme, purchase, null, purchase.points, in_grace_expires_at, in_source_type, in_source_id, 1, in_now);
    perform ledger.remember(in_programme, given.account_id, request, to_jsonb(given));
end;
$$;
