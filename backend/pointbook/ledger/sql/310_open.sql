-- Programmes and accounts: opened once, restricted at any time.

create function ledger.open_programme(in_programme int, in_sandbox boolean) returns void
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
begin
    perform ledger.guard(in_programme);
    insert into ledger.programme (programme_id, sandbox) values (in_programme, in_sandbox)
    on conflict do nothing;
end;
$$;

-- The account of a public id; opened at in_now if there is none. status: ok | clock_ahead
create function ledger.open_account(
    in_programme int, in_public_id uuid, in_now timestamptz, out status text, out account_id bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;

    status := 'ok';
    insert into ledger.account as a (programme_id, account_id, public_id, as_of)
    values (in_programme, nextval('ledger.account_id'), in_public_id, in_now)
    on conflict (programme_id, public_id) do nothing
    returning a.account_id into account_id;
    if account_id is null then
        select a.account_id into account_id from ledger.account a
        where a.programme_id = in_programme and a.public_id = in_public_id;
    end if;
end;
$$;

-- Says whether an account earns and spends. Open holds stay and may still be captured.
-- status: ok | clock_ahead | no_account
create function ledger.restrict(
    in_programme int, in_account bigint, in_may_earn boolean, in_may_spend boolean, in_now timestamptz) returns text
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    account ledger.entered;
begin
    account := ledger.enter(in_programme, in_account, in_now);
    if account.status <> 'ok' then
        return account.status;
    end if;
    update ledger.account a
    set may_earn = in_may_earn, may_spend = in_may_spend
    where a.programme_id = in_programme and a.account_id = account.account_id;
    return 'ok';
end;
$$;
