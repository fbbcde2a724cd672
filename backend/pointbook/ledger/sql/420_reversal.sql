-- Takes back points that an accrual granted (R26): first what is open of its own lots, even pending; then what of them
-- has expired already, which takes nothing from the member; then other available lots; then debt. Lots in R15's order.
-- in_policy, beyond what the member has:
--   allow_negative  it becomes debt
--   within_balance  it is forgiven
--   only_pending    what has become available is the member's to keep, and so is everything else: taken are pending
--                   points of its own lots, and what expired, because the member does not have that any more
-- The caller has locked the account, knows that so much is left of the accrual, and brought the account to now.

create type ledger.reversal as (
    account_id bigint, seq bigint,  -- seq null: nothing was taken
    own_open bigint, own_expired bigint, others bigint, debt bigint,
    forgiven bigint);  -- not taken, because of the policy

create type ledger.offer as (rank int, lot_id bigint, debit text, points bigint);

create function ledger.reverse(
    in_programme int, in_of_account bigint, in_of_seq bigint, in_points bigint, in_policy text, in_source_type text,
    in_source_id text, in_occurrence int, in_now timestamptz)
returns ledger.reversal
language plpgsql as $$
declare
    account ledger.entered := ledger.enter(in_programme, in_of_account, in_now);
    taken ledger.offer[];
    missing bigint;
    reversal ledger.reversal;
begin
    taken := ledger.takeable(in_programme, account, in_of_account, in_of_seq, in_points, in_policy);
    select
        coalesce(sum(points) filter (where rank = 1), 0), coalesce(sum(points) filter (where rank = 2), 0),
        coalesce(sum(points) filter (where rank = 3), 0), in_points - coalesce(sum(points), 0)
    into reversal.own_open, reversal.own_expired, reversal.others, missing
    from unnest(taken);
    reversal.account_id := account.account_id;
    reversal.debt := case when in_policy = 'allow_negative' then missing else 0 end;
    reversal.forgiven := missing - reversal.debt;
    if reversal.forgiven = in_points then
        return reversal;
    end if;

    account.seq := account.seq + 1;
    reversal.seq := account.seq;
    with entries as (
        insert into ledger.entry (
            programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, of_account_id, of_seq)
        values (
            in_programme, account.account_id, account.seq, 'reversal', account.at, in_source_type, in_source_id,
            in_occurrence, in_of_account, in_of_seq)
    ), lots as (
        update ledger.lot l
        set open = l.open - case when t.debit = 'open' then t.points else 0 end,
            owner_id = account.account_id  -- a merge may have left a used-up lot behind
        from unnest(taken) as t
        where l.programme_id = in_programme and l.lot_id = t.lot_id
    )
    insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
    select in_programme, account.account_id, account.seq, line, debit, 'reversed', lot_id, points
    from (
        select line, debit, lot_id, points
        from unnest(taken) with ordinality as t (rank, lot_id, debit, points, line)
        union all
        select cardinality(taken) + 1, 'debt', null, reversal.debt where reversal.debt > 0
    ) as moved;

    perform ledger.leave(
        in_programme, account.account_id, account.seq, account.at, account.debt + reversal.debt, false);
    return reversal;
end;
$$;

-- At most in_points of what the account has for a reversal, in the order in which it is taken.
-- rank: 1 open of the accrual's own lots, 2 expired of them, 3 other lots
create function ledger.takeable(
    in_programme int, in_account ledger.entered, in_of_account bigint, in_of_seq bigint, in_points bigint,
    in_policy text)
returns ledger.offer[]
language plpgsql stable as $$
begin
    return array(
        with own as (
            select l.*
            from ledger.transfer t
            join ledger.lot l on l.programme_id = t.programme_id and l.lot_id = t.lot_id
            where t.programme_id = in_programme and t.account_id = in_of_account and t.seq = in_of_seq
        ), offered as (
            select 1 as rank, lot_id, 'open' as debit, open as points, expires_at, available_from
            from own
            where open > 0 and (in_policy <> 'only_pending' or available_from > in_account.at)
            union all
            select 2, lot_id, 'expired', ledger.expired_of(in_programme, lot_id, in_of_account, in_of_seq),
                expires_at, available_from
            from own
            where expires_at <= in_account.at
            union all
            select 3, l.lot_id, 'open', l.open, l.expires_at, l.available_from
            from ledger.lot l
            where l.programme_id = in_programme and l.owner_id = in_account.account_id and l.live and l.open > 0
                and l.available_from <= in_account.at and l.expires_at > in_account.at
                and in_policy <> 'only_pending' and l.lot_id not in (select lot_id from own)
        ), walked as (
            select
                *, in_points - coalesce(sum(points) over (
                    order by rank, expires_at, available_from, lot_id
                    rows between unbounded preceding and 1 preceding
                ), 0) as wanted
            from offered
        )
        select row(rank, lot_id, debit, least(points, wanted))::ledger.offer
        from walked
        where points > 0 and wanted > 0
        order by rank, expires_at, available_from, lot_id
    );
end;
$$;

-- The points of a lot that have expired and that no return has taken back. in_of_account, in_of_seq: the entry that
-- granted it. Reads what the accounts that owned it have moved since: an index of expired points by lot would cost
-- every expiry, and few returns come after one.
create function ledger.expired_of(in_programme int, in_lot bigint, in_of_account bigint, in_of_seq bigint)
returns bigint
language plpgsql stable as $$
declare
    owner bigint := in_of_account;
    since bigint := in_of_seq;
    expired bigint := 0;
begin
    while owner is not null loop
        expired := expired + (
            select coalesce(sum(case credit when 'expired' then points else -points end), 0)
            from ledger.transfer
            where programme_id = in_programme and account_id = owner and seq > since and lot_id = in_lot
                and (debit = 'expired' or credit = 'expired')
        );
        owner := (
            select merged_into from ledger.account where programme_id = in_programme and account_id = owner
        );
        since := 0;
    end loop;
    return expired;
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
