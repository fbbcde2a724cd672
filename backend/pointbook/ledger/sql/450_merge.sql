-- Merges the source's account into the target's, for good (R33): lots that have points move as they are, held points
-- too, with their open holds; debts add up and are paid at once by what is available of either (R26). The entries stay:
-- a merge_out takes everything out of the source through moved, a merge_in takes it into the target, at one instant.
-- Used-up lots and ended holds stay behind; what comes back to them later goes to the account that stands for theirs.
-- If the target may not spend, or the source, the target may not from now on.
-- in_bonus_type: of accruals that only one of the two may keep (null = both keep theirs). If the target was granted
-- one, what is still open of the source's is reversed first.
-- A target that was merged itself leads on to its own. in_source_… is what the merge is done for: it has its effect
-- once; again: the first answer.
-- status: ok | clock_ahead | no_account (also when a member has left) | oneself
-- | merged (the source was, or the two are one account already) | inactive (one of the two; neither earns nor spends)
-- open, held, debt: what moved; reversed: of the source's bonus.
-- Locks both accounts in key order.

create function ledger.merge(
    in_programme int, in_target bigint, in_source bigint, in_bonus_type text, in_source_type text,
    in_source_id text, in_now timestamptz,
    out status text, out account_id bigint, out seq bigint, out source_seq bigint, out open bigint, out held bigint,
    out debt bigint, out reversed bigint)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    pair bigint[];
    instant timestamptz;
    target ledger.entered;
    source ledger.entered;
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    pair := ledger.lock_all(in_programme, array[in_target, in_source]);
    select * into account_id, seq, source_seq, open, held, debt, reversed
    from ledger.merged_by(in_programme, in_source, in_source_type, in_source_id);
    if seq is not null then
        status := 'ok';
        return;
    elsif in_target = in_source then
        status := 'oneself';
        return;
    elsif pair[1] = pair[2] or pair[2] <> in_source then
        status := 'merged';
        return;
    end if;

    instant := greatest(in_now, (
        select max(a.as_of) from ledger.account a where a.programme_id = in_programme and a.account_id = any(pair)
    ));
    target := ledger.enter(in_programme, pair[1], instant);
    source := ledger.enter(in_programme, in_source, instant);
    status := case when target.status <> 'ok' then target.status else source.status end;
    if status <> 'ok' then
        return;
    elsif not (target.may_earn and source.may_earn) then
        status := 'inactive';
        return;
    end if;

    perform ledger.reverse_second_bonus(
        in_programme, target.account_id, in_source, in_bonus_type, in_source_type, in_source_id, instant);
    source := ledger.enter(in_programme, in_source, instant);  -- its number and debt, after reversals
    perform ledger.move_all(in_programme, target, source, in_source_type, in_source_id);
    update ledger.account a
    set last_seq = source.seq + 1, as_of = instant, debt = 0, merged_into = target.account_id
    where a.programme_id = in_programme and a.account_id = in_source;
    update ledger.account a
    set may_spend = target.may_spend and source.may_spend
    where a.programme_id = in_programme and a.account_id = target.account_id;
    perform ledger.leave(
        in_programme, target.account_id, target.seq + 1, instant, target.debt + source.debt, false);

    select * into account_id, seq, source_seq, open, held, debt, reversed
    from ledger.merged_by(in_programme, in_source, in_source_type, in_source_id);
end;
$$;

-- What a merge of this source account has moved; no row if it was not done.
create function ledger.merged_by(in_programme int, in_source bigint, in_source_type text, in_source_id text)
returns table (
    account_id bigint, seq bigint, source_seq bigint, open bigint, held bigint, debt bigint, reversed bigint)
language plpgsql stable rows 1 as $$
#variable_conflict use_column
begin
    return query
    select
        i.account_id, i.seq, i.of_seq,
        coalesce(sum(t.points) filter (where t.credit = 'open'), 0)::bigint,
        coalesce(sum(t.points) filter (where t.credit = 'held'), 0)::bigint,
        coalesce(sum(t.points) filter (where t.debit = 'debt'), 0)::bigint,
        (
            select coalesce(sum(back.points), 0)::bigint
            from ledger.entry r
            join ledger.transfer back
                on back.programme_id = r.programme_id and back.account_id = r.account_id and back.seq = r.seq
            where r.programme_id = in_programme and r.kind = 'reversal' and r.source_type = in_source_type
                and r.source_id = in_source_id
        )
    from ledger.entry i
    left join ledger.transfer t
        on t.programme_id = i.programme_id and t.account_id = i.account_id and t.seq = i.seq
    where i.programme_id = in_programme and i.kind = 'merge_in' and i.source_type = in_source_type
        and i.source_id = in_source_id and i.occurrence = 1 and i.of_account_id = in_source
    group by i.account_id, i.seq, i.of_seq;
end;
$$;

-- Reverses what is open of the source's bonus, if the target was granted one, by itself or by one that was merged into
-- it.
-- Both accounts are locked and brought to in_at.
create function ledger.reverse_second_bonus(
    in_programme int, in_target bigint, in_source bigint, in_bonus_type text, in_source_type text,
    in_source_id text, in_at timestamptz) returns void
language plpgsql as $$
declare
    bonus record;
begin
    if not exists (
        select from ledger.accounts_of(in_programme, in_target) as o (account_id)
        join ledger.entry e on e.programme_id = in_programme and e.account_id = o.account_id
        where e.kind = 'accrual' and e.source_type = in_bonus_type
    ) then
        return;
    end if;
    for bonus in
        select
            e.account_id, e.seq, sum(l.open)::bigint as points,
            row_number() over (order by e.account_id, e.seq)::int as number
        from ledger.accounts_of(in_programme, in_source) as o (account_id)
        join ledger.entry e on e.programme_id = in_programme and e.account_id = o.account_id
        join ledger.transfer t
            on t.programme_id = in_programme and t.account_id = e.account_id and t.seq = e.seq
        join ledger.lot l on l.programme_id = in_programme and l.lot_id = t.lot_id
        where e.kind = 'accrual' and e.source_type = in_bonus_type and l.open > 0
        group by e.account_id, e.seq
        order by number
    loop
        perform ledger.reverse(
            in_programme, bonus.account_id, bonus.seq, bonus.points, 'within_balance', in_source_type, in_source_id,
            bonus.number, in_at);
    end loop;
end;
$$;

-- The two entries of a merge, and whose the lots and open holds are from then on. The accounts' rows are the caller's.
create function ledger.move_all(
    in_programme int, in_target ledger.entered, in_source ledger.entered, in_source_type text, in_source_id text)
returns void
language plpgsql as $$
begin
    with moving as materialized (
        select l.lot_id, l.open, l.held, row_number() over (order by l.expires_at, l.available_from, l.lot_id) as place
        from ledger.lot l
        where l.programme_id = in_programme and l.owner_id = in_source.account_id and l.live
    ), line as materialized (
        select row_number() over (order by place, rank) as line, what, lot_id, points
        from (
            select place, 1 as rank, 'open' as what, lot_id, open as points from moving where open > 0
            union all
            select place, 2, 'held', lot_id, held from moving where held > 0
            union all
            select null, 3, 'debt', null, in_source.debt where in_source.debt > 0
        ) as moved
    ), entries as (
        insert into ledger.entry (
            programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, of_account_id, of_seq)
        values
            (in_programme, in_source.account_id, in_source.seq + 1, 'merge_out', in_source.at, in_source_type,
                in_source_id, 1, null, null),
            (in_programme, in_target.account_id, in_target.seq + 1, 'merge_in', in_target.at, in_source_type,
                in_source_id, 1, in_source.account_id, in_source.seq + 1)
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select
            in_programme, in_source.account_id, in_source.seq + 1, line,
            case what when 'debt' then 'moved' else what end, case what when 'debt' then 'debt' else 'moved' end,
            lot_id, points
        from line
        union all
        select
            in_programme, in_target.account_id, in_target.seq + 1, line,
            case what when 'debt' then 'debt' else 'moved' end, case what when 'debt' then 'moved' else what end,
            lot_id, points
        from line
    ), lots as (
        update ledger.lot l set owner_id = in_target.account_id from moving
        where l.programme_id = in_programme and l.lot_id = moving.lot_id
    )
    update ledger.hold h set owner_id = in_target.account_id
    where h.programme_id = in_programme and h.owner_id = in_source.account_id and h.state = 'held';
end;
$$;
