-- Lets an open hold of the account end in_lifetime after now, at most in_maximum times (R19), and never sooner than it
-- would have, should holds have become shorter meanwhile. Moves no points.
-- A hold that ended before its account was merged keeps its owner, and is answered as what it has become.
-- status: ok | key_conflict | no_account | clock_ahead | no_hold (also when it is another account's)
-- | captured | released | lapsed | exhausted
-- Locks the account.

create function ledger.extend(
    in_programme int, in_account bigint, in_hold uuid, in_lifetime interval, in_maximum int, in_request bytea[],
    in_now timestamptz)
returns ledger.hold_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    account ledger.entered;
    earlier record;
    extended ledger.hold;
begin
    account := ledger.enter(in_programme, in_account, in_now);
    if account.status <> 'ok' then
        return ledger.hold_refusal(account.status);
    end if;
    earlier := ledger.replay(in_programme, in_request);
    if earlier.status is not null then
        return ledger.replayed_hold(in_programme, earlier.status, earlier.answer);
    end if;

    select * into extended from ledger.hold
    where programme_id = in_programme and hold_id = in_hold
        and (owner_id = account.account_id or ledger.stands_for(in_programme, owner_id) = account.account_id);
    if not found then
        return ledger.hold_refusal('no_hold');
    elsif extended.state <> 'held' then
        return ledger.hold_refusal(ledger.state_of(extended));
    elsif extended.extensions >= in_maximum then
        return ledger.hold_refusal('exhausted');
    end if;

    account.seq := account.seq + 1;
    insert into ledger.entry (programme_id, account_id, seq, kind, at, hold_id)
    values (in_programme, account.account_id, account.seq, 'extend', account.at, in_hold);
    update ledger.hold
    set expires_at = greatest(expires_at, account.at + in_lifetime), extensions = extensions + 1
    where programme_id = in_programme and hold_id = in_hold
    returning * into strict extended;

    perform ledger.remember_hold(in_request, extended);
    perform ledger.leave(in_programme, account.account_id, account.seq, account.at, account.debt, false);
    return ledger.hold_answer_of(extended);
end;
$$;
