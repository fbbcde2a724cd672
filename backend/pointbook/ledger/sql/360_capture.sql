-- Spends what an open hold set aside: points worth at most in_amount minor units (null = all of it), in R15's order.
-- The rest is given back; parts of it whose lot has expired meanwhile expire at once.
-- A source (an order, say) is captured for once, in time or late. The same hold for the same source again, in a call
-- that has no request of its own: as it was captured. With another request the hold has ended.
-- A hold that ended before its account was merged keeps its owner, and is answered as what it has become. A request
-- that had its effect is answered also when the member has left since.
-- status: ok | key_conflict | no_account (its member has left) | clock_ahead | no_hold | captured | released | lapsed
-- | below_minimum | source_used (the source has captured another hold)
-- Locks the hold's account.

create function ledger.capture(
    in_programme int, in_hold uuid, in_amount bigint, in_source_type text, in_source_id text, in_request bytea[],
    in_now timestamptz)
returns ledger.hold_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    account ledger.entered;
    earlier record;
    captured ledger.hold;
    price ledger.price;
begin
    account := ledger.enter_by_hold(in_programme, null, in_hold, in_now);
    if account.status in ('ok', 'no_account') then
        earlier := ledger.replay(in_programme, in_request);
        if earlier.status is not null then
            return ledger.replayed_hold(in_programme, earlier.status, earlier.answer);
        end if;
    end if;
    if account.status <> 'ok' then
        return ledger.hold_refusal(account.status);
    end if;

    select * into captured from ledger.hold
    where programme_id = in_programme and hold_id = in_hold
        and (owner_id = account.account_id or ledger.stands_for(in_programme, owner_id) = account.account_id);
    if not found then
        return ledger.hold_refusal('no_hold');
    elsif in_request is null and captured.source_type = in_source_type and captured.source_id = in_source_id then
        return ledger.hold_answer_of(captured);
    elsif captured.state <> 'held' then
        return ledger.hold_refusal(ledger.state_of(captured));
    elsif in_source_type is not null and exists (
        select from ledger.entry
        where programme_id = in_programme and kind in ('capture', 'late_capture') and source_type = in_source_type
            and source_id = in_source_id and occurrence = 1
    ) then
        return ledger.hold_refusal('source_used');
    end if;

    price := ledger.price_of_hold(captured, in_amount);
    if price.status <> 'ok' then
        return ledger.hold_refusal(price.status);
    end if;

    account.seq := account.seq + 1;
    captured := ledger.end_hold(
        captured, 'capture', account.seq, account.at, price.taken, price.value, in_source_type, in_source_id);
    perform ledger.remember_hold(in_request, captured);
    perform ledger.leave(in_programme, account.account_id, account.seq, account.at, account.debt, false);
    return ledger.hold_answer_of(captured);
end;
$$;

-- What of a hold is worth at most in_amount (null = all): a full redemption over its parts, whose lines are in R15's
-- order. All of it is worth exactly the hold's value, because a hold charges the fewest points that reach it.
create function ledger.price_of_hold(in_hold ledger.hold, in_amount bigint) returns ledger.price
language plpgsql stable as $$
declare
    free ledger.free_parts;
begin
    select array_agg(points), array_agg(value) into free.points, free.values
    from (
        select p.points, coalesce(in_hold.point_value, l.value_per_point) as value
        from ledger.transfer p
        join ledger.lot l on l.programme_id = p.programme_id and l.lot_id = p.lot_id
        where p.programme_id = in_hold.programme_id and p.account_id = in_hold.account_id and p.seq = in_hold.seq
        order by p.line
    ) as part;
    return ledger.price_of(free.points, free.values, null, least(in_amount, in_hold.value), 1);
end;
$$;
