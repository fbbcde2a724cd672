-- A member leaves (R34): open holds are released, whatever their lots' expiry, then all open points, pending ones too,
-- are forfeited, and a debt is written off against what was forfeited. No other total changes (I10). The account is
-- reached by no write any more. What requests of it were answered is kept, because the shop's server may ask again, and
-- would pay, hold or refund a second time.
-- forfeited = points that were open or held; written_off = of debt; seq is null where there was nothing of either.
-- The same request again: the first answer.
-- status: ok | key_conflict | no_account (also when its member has left by another request) | clock_ahead
-- Locks the account.

create function ledger.forfeit(
    in_programme int, in_account bigint, in_request bytea[], in_now timestamptz,
    out status text, out account_id bigint, out seq bigint, out forfeited bigint, out written_off bigint,
    out released int)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    account ledger.entered;
    earlier record;
    open_hold ledger.hold;
begin
    account := ledger.enter(in_programme, in_account, in_now);
    if account.status = 'clock_ahead' then
        status := account.status;
        return;
    end if;
    earlier := ledger.forfeited_by(in_programme, in_request);
    if earlier.status is not null then
        status := earlier.status;
        account_id := earlier.account_id;
        seq := earlier.seq;
        forfeited := earlier.forfeited;
        written_off := earlier.written_off;
        released := earlier.released;
        return;
    elsif account.status <> 'ok' then
        status := account.status;
        return;
    end if;

    status := 'ok';
    account_id := account.account_id;
    written_off := account.debt;
    released := 0;
    for open_hold in
        select h.* from ledger.hold h
        where h.programme_id = in_programme and h.owner_id = account.account_id and h.state = 'held'
        order by h.account_id, h.seq
    loop
        account.seq := account.seq + 1;
        released := released + 1;
        perform ledger.end_hold(open_hold, 'release', account.seq, account.at, in_reopen => true);
    end loop;

    with lost as materialized (
        select
            l.lot_id, l.open as points, row_number() over (order by l.expires_at, l.available_from, l.lot_id) as line
        from ledger.lot l
        where l.programme_id = in_programme and l.owner_id = account.account_id and l.live and l.open > 0
    ), lots as (
        update ledger.lot l set open = l.open - lost.points from lost
        where l.programme_id = in_programme and l.lot_id = lost.lot_id
    ), lines as (
        select lost.line, 'open' as debit, 'forfeited' as credit, lost.lot_id, lost.points from lost
        union all
        select (select count(*) from lost) + 1, 'forfeited', 'debt', null, account.debt where account.debt > 0
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at)
        select in_programme, account.account_id, account.seq + 1, 'forfeit', account.at
        where exists (select from lines)
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select in_programme, account.account_id, account.seq + 1, lines.line, debit, credit, lot_id, points from lines
    )
    select coalesce(sum(points), 0) into forfeited from lost;

    if forfeited > 0 or written_off > 0 then
        seq := account.seq + 1;
        perform ledger.leave(in_programme, account_id, seq, account.at, 0, false);
    end if;
    update ledger.account a
    set left_at = account.at, may_earn = false, may_spend = false
    where a.programme_id = in_programme and a.account_id = account.account_id;
    perform ledger.remember(
        in_programme, account_id, in_request,
        jsonb_build_object('seq', seq, 'forfeited', forfeited, 'written_off', written_off, 'released', released));
end;
$$;

-- What a request has forfeited; no status if it was not seen yet. For whoever repeats it when nothing names the
-- account.
-- status: null | ok | key_conflict
create function ledger.forfeited_by(
    in_programme int, in_request bytea[],
    out status text, out account_id bigint, out seq bigint, out forfeited bigint, out written_off bigint,
    out released int)
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    earlier record;
begin
    perform ledger.guard(in_programme);
    earlier := ledger.replay(in_programme, in_request);
    status := earlier.status;
    if status = 'ok' then
        seq := earlier.answer ->> 'seq';
        forfeited := earlier.answer ->> 'forfeited';
        written_off := earlier.answer ->> 'written_off';
        released := earlier.answer ->> 'released';
        account_id := (
            select i.account_id from ledger.idempotency i
            where i.programme_id = in_programme and i.request = in_request[1]
        );
    end if;
end;
$$;
