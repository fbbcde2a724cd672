-- What a return may still give back and take back. A caller that locked the account reads what no other return changes.

-- The lots from which a captured hold was paid, in the order in which points are given back: the latest expiry first
-- (R27). value_per_point: minor units, as it was captured. No row if there is no such hold or it is not captured.
-- A captured hold keeps the owner it was captured from; a merge leads on from there.
create function ledger.captured_parts(in_programme int, in_hold uuid)
returns table (
    lot_id bigint, captured bigint, given_back bigint, value_per_point numeric, expires_at timestamptz)
language plpgsql stable rows 4 security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform ledger.guard(in_programme);
    return query
    select
        l.lot_id, part.points, coalesce(back.points, 0)::bigint, coalesce(h.point_value, l.value_per_point),
        l.expires_at
    from ledger.hold h
    join ledger.transfer part
        on part.programme_id = h.programme_id and part.account_id = h.owner_id and part.seq = h.end_seq
        and part.credit = 'redeemed'
    join ledger.lot l on l.programme_id = part.programme_id and l.lot_id = part.lot_id
    left join (
        select t.lot_id, sum(t.points) as points
        from ledger.hold of_hold
        join ledger.entry e
            on e.programme_id = of_hold.programme_id and e.of_account_id = of_hold.owner_id
            and e.of_seq = of_hold.end_seq
        join ledger.transfer t
            on t.programme_id = e.programme_id and t.account_id = e.account_id and t.seq = e.seq
            and t.debit = 'redeemed'
        where of_hold.programme_id = in_programme and of_hold.hold_id = in_hold
        group by t.lot_id
    ) as back on back.lot_id = l.lot_id
    where h.programme_id = in_programme and h.hold_id = in_hold and h.state = 'captured'
    order by l.expires_at desc, l.available_from desc, l.lot_id desc;
end;
$$;

-- What the accrual of a source granted, and what returns have taken back of it: from wherever, a debt included.
-- No row if there is no such accrual.
create function ledger.accrual_of(in_programme int, in_source_type text, in_source_id text, in_occurrence int)
returns table (account_id bigint, seq bigint, granted bigint, reversed bigint)
language plpgsql stable rows 1 security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform ledger.guard(in_programme);
    return query
    select
        a.account_id, a.seq,
        (
            select sum(t.points)::bigint from ledger.transfer t
            where t.programme_id = a.programme_id and t.account_id = a.account_id and t.seq = a.seq
        ),
        (
            select coalesce(sum(t.points), 0)::bigint
            from ledger.entry e
            join ledger.transfer t
                on t.programme_id = e.programme_id and t.account_id = e.account_id and t.seq = e.seq
            where e.programme_id = a.programme_id and e.of_account_id = a.account_id and e.of_seq = a.seq
        )
    from ledger.entry a
    where a.programme_id = in_programme and a.kind = 'accrual' and a.source_type = in_source_type
        and a.source_id = in_source_id and a.occurrence = in_occurrence;
end;
$$;
