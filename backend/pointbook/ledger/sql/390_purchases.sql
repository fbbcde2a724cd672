-- What was redeemed by one entry, a capture, a late capture or a spend, and what of it has been given back.
-- A caller that locked the account reads what no return changes meanwhile.

-- of_points, of_value: set where every point is worth the same share of the value; else each has its lot's.
create type ledger.purchase as (
    account_id bigint, seq bigint, points bigint, value bigint, of_points bigint, of_value bigint);

-- What a voucher paid. Its first purchase is its capture, in time or late; a further one is a late capture. A captured
-- hold keeps the owner it was captured from; a merge leads on from there.
create function ledger.purchase_of(in_programme int, in_hold uuid, in_purchase int) returns ledger.purchase
language plpgsql stable as $$
declare
    purchase ledger.purchase;
begin
    select c.account_id, c.seq, c.points, c.value, c.points, c.value into purchase
    from ledger.late_capture c
    where c.programme_id = in_programme and c.hold_id = in_hold and c.purchase = in_purchase;
    if not found and in_purchase = 1 then
        select h.owner_id, h.end_seq, h.captured_points, h.captured_value, null, null into purchase
        from ledger.hold h
        where h.programme_id = in_programme and h.hold_id = in_hold and h.state = 'captured';
    end if;
    return purchase;
end;
$$;

-- The lots from which a purchase was paid, in the order in which points are given back: what nobody had first (lot_id
-- is null; it became debt), then the latest expiry first (R27). value_per_point: minor units, as it was captured, which
-- is in_point_value for all lots where it is given; null if it is of_value / of_points. No row if there is no such
-- purchase.
create function ledger.redeemed_parts(in_programme int, in_purchase ledger.purchase, in_point_value numeric)
returns table (
    lot_id bigint, captured bigint, given_back bigint, value_per_point numeric, expires_at timestamptz,
    of_points bigint, of_value bigint)
language plpgsql stable rows 4 as $$
#variable_conflict use_column
begin
    return query
    select
        part.lot_id, part.points, coalesce(back.points, 0)::bigint,
        case when in_purchase.of_points is null then coalesce(in_point_value, l.value_per_point) end,
        l.expires_at, in_purchase.of_points, in_purchase.of_value
    from ledger.transfer part
    left join ledger.lot l on l.programme_id = part.programme_id and l.lot_id = part.lot_id
    left join (
        select t.lot_id, sum(t.points) as points
        from ledger.entry e
        join ledger.transfer t
            on t.programme_id = e.programme_id and t.account_id = e.account_id and t.seq = e.seq
            and t.debit = 'redeemed'
        where e.programme_id = in_programme and e.of_account_id = in_purchase.account_id
            and e.of_seq = in_purchase.seq
        group by t.lot_id
    ) as back on back.lot_id is not distinct from part.lot_id
    where part.programme_id = in_programme and part.account_id = in_purchase.account_id
        and part.seq = in_purchase.seq and part.credit = 'redeemed'
    order by l.expires_at desc nulls first, l.available_from desc, l.lot_id desc;
end;
$$;

-- The parts of a voucher's purchase.
create function ledger.captured_parts(in_programme int, in_hold uuid, in_purchase int)
returns table (
    lot_id bigint, captured bigint, given_back bigint, value_per_point numeric, expires_at timestamptz,
    of_points bigint, of_value bigint)
language plpgsql stable rows 4 security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform ledger.guard(in_programme);
    return query
    select * from ledger.redeemed_parts(
        in_programme, ledger.purchase_of(in_programme, in_hold, in_purchase),
        (select h.point_value from ledger.hold h where h.programme_id = in_programme and h.hold_id = in_hold));
end;
$$;
