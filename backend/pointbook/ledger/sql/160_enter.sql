-- The beginning of every write to one account: guard, clock, lock, and bring the account to now.
-- status: ok | clock_ahead | no_account (also when it is another programme's, or its member has left)
-- Locks the row of the account that stands for it after merges. That of one that was merged already is not locked: who
-- has its target might be waiting for it.
-- at = the instant of what the caller writes: now, but not before the account's newest entry.

create type ledger.entered as (
    status text, account_id bigint, seq bigint, at timestamptz, debt bigint, may_earn boolean, may_spend boolean);

create function ledger.enter(in_programme int, in_account bigint, in_now timestamptz) returns ledger.entered
language plpgsql as $$
declare
    account ledger.account;
    instant timestamptz;
    standing bigint;
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        return row('clock_ahead', null, null, null, null, null, null)::ledger.entered;
    end if;

    standing := ledger.stands_for(in_programme, in_account);
    loop
        select * into account from ledger.account a
        where a.programme_id = in_programme and a.account_id = standing
        for no key update;
        exit when account.merged_into is null;
        standing := ledger.stands_for(in_programme, account.merged_into);  -- it was merged while it was waited for
    end loop;
    if account.account_id is null or account.left_at is not null then
        return row('no_account', null, null, null, null, null, null)::ledger.entered;
    end if;

    instant := greatest(in_now, account.as_of);
    if ledger.is_due(in_programme, account.account_id, account.as_of, account.debt, instant) then
        perform ledger.book_due(in_programme, array[account.account_id], instant);
        select * into account from ledger.account a
        where a.programme_id = in_programme and a.account_id = account.account_id;
    end if;
    return row(
        'ok', account.account_id, account.last_seq, instant, account.debt, account.may_earn, account.may_spend
    )::ledger.entered;
end;
$$;

-- The end of every write: the account's number, instant and debt, and what the effect itself has made due.
-- in_reopened: whether the effect may have opened points that the clock takes again at once.
create function ledger.leave(
    in_programme int, in_account bigint, in_seq bigint, in_at timestamptz, in_debt bigint, in_reopened boolean
) returns void
language plpgsql as $$
begin
    update ledger.account
    set last_seq = in_seq, as_of = in_at, debt = in_debt
    where programme_id = in_programme and account_id = in_account;

    if in_debt > 0 or in_reopened then
        perform ledger.book_due(in_programme, array[in_account], in_at);
    end if;
end;
$$;
