-- Grants points: one entry of kind accrual per accrual, one or thousands of them in one call, for any accounts.
-- Accruals are parallel arrays; their lots are too, each with the number (from 1) of its accrual and of its terms. The
-- lots of an import differ in nothing but their points: terms are what lots share.
-- A source has one effect per occurrence in the programme: later ones change nothing, whatever their account.
-- status, one row an accrual in their order: ok | duplicate (account and seq of the earlier entry) | not_earning
-- | no_account (also when its member has left). One row with clock_ahead instead, and nothing written.
-- Locks the accounts in key order. Of two concurrent calls with one source the later one waits if the account is the
-- same; if not, its insert violates entry_source_key and the caller tries again.

create function ledger.accrue(
    in_programme int,
    in_accounts bigint[], in_source_types text[], in_source_ids text[], in_occurrences int[],
    in_lot_accruals int[], in_lot_terms int[], in_lot_points bigint[],
    in_values numeric[], in_available_from timestamptz[], in_expires_at timestamptz[], in_versions int[],
    in_now timestamptz)
returns table (account_id bigint, seq bigint, status text)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    targets bigint[];
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        return query select null::bigint, null::bigint, 'clock_ahead';
        return;
    end if;
    if 0 >= any(in_lot_points) or exists (
        select from unnest(in_available_from, in_expires_at) as t (starts, ends)
        where t.ends <= in_now or t.ends <= t.starts
    ) then
        raise exception 'a lot that nobody could spend: the caller leaves it out';
    end if;

    targets := ledger.lock_all(in_programme, in_accounts);
    perform ledger.bring_to(in_programme, targets, in_now);

    return query
    with given as (
        select
            g.number, g.target as account_id, g.source_type, g.source_id, g.occurrence,
            earlier.account_id as earlier_account, earlier.seq as earlier_seq,
            a.account_id is not null and a.left_at is null as known, a.may_earn, greatest(in_now, a.as_of) as at, a.last_seq
        from unnest(targets, in_source_types, in_source_ids, in_occurrences)
            with ordinality as g (target, source_type, source_id, occurrence, number)
        left join lateral (
            select * from ledger.account a
            where a.programme_id = in_programme and a.account_id = g.target
            limit 1  -- looked up row by row: a join over the whole table is what the planner does without statistics
        ) as a on true
        left join lateral (
            select e.account_id, e.seq from ledger.entry e
            where e.programme_id = in_programme and e.kind = 'accrual' and e.source_type = g.source_type
                and e.source_id = g.source_id and e.occurrence = g.occurrence
            limit 1
        ) as earlier on true
    ), fresh as (
        select *, last_seq + row_number() over (partition by account_id order by number) as seq
        from (
            select
                *, row_number() over (partition by source_type, source_id, occurrence order by number) as turn
            from given
            where earlier_seq is null and may_earn
        ) as in_turn
        where turn = 1
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at, source_type, source_id, occurrence)
        select in_programme, account_id, seq, 'accrual', at, source_type, source_id, occurrence from fresh
    ), lots as materialized (
        select nextval('ledger.lot_id') as lot_id, l.*
        from (
            select
                f.account_id, f.seq, f.at, l.points, t.value, t.starts, t.ends, t.version,
                row_number() over (partition by l.accrual order by l.number) as line
            from unnest(in_lot_accruals, in_lot_terms, in_lot_points)
                with ordinality as l (accrual, terms, points, number)
            join unnest(in_values, in_available_from, in_expires_at, in_versions)
                with ordinality as t (value, starts, ends, version, number) on t.number = l.terms
            join fresh f on f.number = l.accrual
            order by l.accrual, l.number
        ) as l
    ), granted as (
        insert into ledger.lot (
            programme_id, lot_id, owner_id, account_id, seq, granted, open, value_per_point, earned_at,
            available_from, expires_at, settings_version)
        select
            in_programme, lot_id, account_id, account_id, seq, points, points, value, at,
            starts, coalesce(ends, 'infinity'), version
        from lots
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select in_programme, account_id, seq, line, 'issued', 'open', lot_id, points from lots
    ), accounts as (
        update ledger.account a
        set last_seq = newest.seq, as_of = newest.at
        from (select account_id, max(seq) as seq, max(at) as at from fresh group by account_id) as newest
        where a.programme_id = in_programme and a.account_id = newest.account_id
    )
    select
        coalesce(g.earlier_account, first.account_id, g.account_id, in_accounts[g.number]),
        coalesce(g.earlier_seq, first.seq),
        case
            when first.number = g.number then 'ok'
            when first.number < g.number or g.earlier_seq is not null then 'duplicate'
            when g.known then 'not_earning'
            else 'no_account'
        end
    from given g
    left join fresh first
        on first.source_type = g.source_type and first.source_id = g.source_id and first.occurrence = g.occurrence
        and first.number <= g.number
    order by g.number;

    -- New points pay debt at once, and under a clock that was set back a new lot may have expired.
    targets := array(
        select a.account_id from ledger.account a
        where a.programme_id = in_programme and a.account_id = any(targets) and (a.debt > 0 or a.as_of > in_now)
    );
    if cardinality(targets) > 0 then
        perform ledger.book_due(in_programme, targets, in_now);
    end if;
end;
$$;
