-- Gives the points of an open hold back; parts whose lot has expired meanwhile expire at once (R18).
-- in_account: the customer, who releases only own holds; null = the shop's server.
-- A hold that ended before its account was merged keeps its owner, and is answered as what it has become. A request
-- that had its effect is answered also when the member has left since.
-- status: ok | key_conflict | no_account | clock_ahead | no_hold (also when it is another account's)
-- | captured | released | lapsed
-- Locks the account.

create function ledger.release(
    in_programme int, in_account bigint, in_hold uuid, in_request bytea[], in_now timestamptz)
returns ledger.hold_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    account ledger.entered;
    earlier record;
    released ledger.hold;
begin
    account := ledger.enter_by_hold(in_programme, in_account, in_hold, in_now);
    if account.status in ('ok', 'no_account') then
        earlier := ledger.replay(in_programme, in_request);
        if earlier.status is not null then
            return ledger.replayed_hold(in_programme, earlier.status, earlier.answer);
        end if;
    end if;
    if account.status <> 'ok' then
        return ledger.hold_refusal(account.status);
    end if;

    select * into released from ledger.hold
    where programme_id = in_programme and hold_id = in_hold
        and (owner_id = account.account_id or ledger.stands_for(in_programme, owner_id) = account.account_id);
    if not found then
        return ledger.hold_refusal('no_hold');
    elsif released.state <> 'held' then
        return ledger.hold_refusal(ledger.state_of(released));
    end if;

    account.seq := account.seq + 1;
    released := ledger.end_hold(released, 'release', account.seq, account.at);
    perform ledger.remember_hold(in_request, released);
    perform ledger.leave(in_programme, account.account_id, account.seq, account.at, account.debt, false);
    return ledger.hold_answer_of(released);
end;
$$;

-- enter() for a call that names a hold and perhaps no account. status: as enter(), and no_hold
create function ledger.enter_by_hold(in_programme int, in_account bigint, in_hold uuid, in_now timestamptz)
returns ledger.entered
language plpgsql as $$
declare
    owner bigint := in_account;
begin
    if owner is null then
        perform ledger.guard(in_programme);
        select owner_id into owner from ledger.hold where programme_id = in_programme and hold_id = in_hold;
        if owner is null then
            return row('no_hold', null, null, null, null, null, null)::ledger.entered;
        end if;
    end if;
    return ledger.enter(in_programme, owner, in_now);
end;
$$;
