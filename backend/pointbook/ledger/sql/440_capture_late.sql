-- Spends points for a voucher whose hold has ended: purchase 1 of a hold that lapsed, worth at most in_amount (null =
-- all of it), which was reported late (R21); a further purchase takes as many points as the one before it, all of which
-- have been given back (R28). Taken from the hold's own part that expired when it lapsed, then from what is available,
-- in R15's order; what is missing becomes debt if in_may_owe, else it is refused.
-- A source is captured for once a purchase. The same again, in a call that has no request of its own: as it was.
-- status: ok | key_conflict | no_account (its member has left) | clock_ahead | no_hold | held | captured | released
-- | below_minimum | source_used | insufficient (available)
-- Locks the hold's account.

create function ledger.capture_late(
    in_programme int, in_hold uuid, in_purchase int, in_amount bigint, in_may_owe boolean, in_source_type text,
    in_source_id text, in_request bytea[], in_now timestamptz,
    out status text, out available bigint, out account_id bigint, out seq bigint, out points bigint,
    out value bigint, out debt bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    account ledger.entered;
    ended ledger.hold;
    earlier record;
    taken ledger.offer[];
begin
    account := ledger.enter_by_hold(in_programme, null, in_hold, in_now);
    status := account.status;
    if status <> 'ok' then
        return;
    end if;
    select * into ended from ledger.hold where programme_id = in_programme and hold_id = in_hold;
    earlier := ledger.replay(in_programme, in_request);
    if earlier.status = 'key_conflict' then
        status := 'key_conflict';
        return;
    end if;
    select c.account_id, c.seq, c.points, c.value, c.debt, e.source_type, e.source_id into earlier
    from ledger.late_capture c
    join ledger.entry e on e.programme_id = c.programme_id and e.account_id = c.account_id and e.seq = c.seq
    where c.programme_id = in_programme and c.hold_id = in_hold and c.purchase = in_purchase;
    if found and (earlier.source_type, earlier.source_id) = (in_source_type, in_source_id)
        and (in_request is null or (ledger.replay(in_programme, in_request)).status = 'ok')
    then
        account_id := earlier.account_id;
        seq := earlier.seq;
        points := earlier.points;
        value := earlier.value;
        debt := earlier.debt;
        return;
    elsif found then
        status := 'captured';
        return;
    elsif in_purchase = 1 and ended.state <> 'lapsed' then
        status := ended.state;
        return;
    elsif exists (
        select from ledger.entry
        where programme_id = in_programme and kind in ('capture', 'late_capture') and source_type = in_source_type
            and source_id = in_source_id and occurrence = in_purchase
    ) then
        status := 'source_used';
        return;
    end if;

    select * into status, points, value from ledger.price_of_purchase(ended, in_purchase, in_amount);
    if status <> 'ok' then
        return;
    end if;
    taken := ledger.spendable_late(in_programme, account, ended, in_purchase, points);
    available := (select coalesce(sum(t.points), 0) from unnest(taken) as t);
    debt := points - available;
    if debt > 0 and not in_may_owe then
        status := 'insufficient';
        return;
    end if;

    account_id := account.account_id;
    seq := account.seq + 1;
    insert into ledger.entry (
        programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, hold_id)
    values (
        in_programme, account_id, seq, 'late_capture', account.at, in_source_type, in_source_id, in_purchase,
        in_hold);
    insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
    select in_programme, account_id, seq, moved.line, moved.debit, 'redeemed', moved.lot_id, moved.points
    from (
        select t.line, t.debit, t.lot_id, t.points
        from unnest(taken) with ordinality as t (rank, lot_id, debit, points, line)
        union all
        select cardinality(taken) + 1, 'debt', null, debt where debt > 0
    ) as moved;
    update ledger.lot l
    set open = l.open - case when t.debit = 'open' then t.points else 0 end, owner_id = account.account_id
    from unnest(taken) as t
    where l.programme_id = in_programme and l.lot_id = t.lot_id;
    insert into ledger.late_capture (programme_id, hold_id, purchase, account_id, seq, points, value, debt)
    values (in_programme, in_hold, in_purchase, account_id, seq, points, value, debt);
    if in_request is not null then
        ended.state := 'captured';
        ended.ended_at := account.at;
        ended.owner_id := account_id;
        ended.captured_points := points;
        ended.captured_value := value;
        perform ledger.remember_hold(in_request, ended);
    end if;
    perform ledger.leave(in_programme, account_id, seq, account.at, account.debt + debt, false);
end;
$$;

create function ledger.price_of_purchase(
    in_hold ledger.hold, in_purchase int, in_amount bigint, out status text, out points bigint, out value bigint)
language plpgsql stable as $$
declare
    price ledger.price;
    before ledger.purchase;
begin
    if in_purchase = 1 then
        price := ledger.price_of_hold(in_hold, in_amount);
        status := price.status;
        points := price.points;
        value := price.value;
        return;
    end if;
    before := ledger.purchase_of(in_hold.programme_id, in_hold.hold_id, in_purchase - 1);
    points := (
        select sum(p.given_back)
        from ledger.captured_parts(in_hold.programme_id, in_hold.hold_id, in_purchase - 1) as p
    );
    if before.points is null or before.points is distinct from points then
        raise exception 'a voucher cannot buy again what has not been given back';
    end if;
    status := 'ok';
    value := before.value;
end;
$$;

-- At most in_points of what there is for a late capture, in the order in which it is taken.
-- rank: 1 what expired of the hold when it lapsed and no return has taken back, 2 available
create function ledger.spendable_late(
    in_programme int, in_account ledger.entered, in_hold ledger.hold, in_purchase int, in_points bigint)
returns ledger.offer[]
language plpgsql stable as $$
declare
    free ledger.free_parts := ledger.free_parts(in_programme, in_account.account_id, in_account.at, null, null);
begin
    return array(
        with offered as (
            select 1 as rank, t.lot_id, 'expired' as debit, t.line::bigint as place,
                least(t.points, ledger.expired_of(in_programme, l.lot_id, l.account_id, l.seq)) as points
            from ledger.transfer t
            join ledger.lot l on l.programme_id = t.programme_id and l.lot_id = t.lot_id
            where in_purchase = 1 and in_hold.state = 'lapsed' and t.programme_id = in_programme
                and t.account_id = in_hold.owner_id and t.seq = in_hold.end_seq and t.credit = 'expired'
            union all
            select 2, f.lot_id, 'open', f.place, f.points
            from unnest(free.lots, free.points) with ordinality as f (lot_id, points, place)
        ), walked as (
            select
                *, in_points - coalesce(sum(points) over (
                    order by rank, place rows between unbounded preceding and 1 preceding
                ), 0) as wanted
            from offered
        )
        select row(rank, lot_id, debit, least(points, wanted))::ledger.offer
        from walked
        where points > 0 and wanted > 0
        order by rank, place
    );
end;
$$;
