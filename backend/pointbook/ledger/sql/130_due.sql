-- What the clock alone causes: the only definition of time in the ledger. Read-only; the accounts need not be locked.
--
-- Returns the entries, with their transfers, that fall due on the accounts up to and including in_now and are not
-- booked yet, each at its own instant, numbered as they will be:
--   lapse    at the hold's end; a part whose lot has expired by then expires, the others are open again (R18)
--   expiry   what remains open of a lot, at its expiry
--   settle   debt paid by points at the instant they become available: reopened by a lapse, or the lot's start (R26)
-- Numbers follow the instants; at one instant: lapses (by the holds' age), expiry, settle.
-- An instant before the account's own counts as the account's: that of a lot reopened by a call after its expiry, and
-- an in_now of a clock that was set back.

create type ledger.due_line as (
    account_id bigint, seq bigint, kind text, at timestamptz, hold_id uuid,
    line int, debit text, credit text, lot_id bigint, points bigint);

create function ledger.due(in_programme int, in_accounts bigint[], in_now timestamptz)
returns setof ledger.due_line
language plpgsql stable as $$
begin
    return query
    with account as (
        select a.account_id, a.last_seq, a.as_of, a.debt, greatest(a.as_of, in_now) as until
        from ledger.account a
        where a.programme_id = in_programme and a.account_id = any(in_accounts)
    ), lapsed as (
        select
            h.owner_id as account_id, h.expires_at as at, h.hold_id,
            row_number() over (partition by h.owner_id order by h.account_id, h.seq, part.line) as age,
            part.lot_id, part.points, l.expires_at, l.available_from, l.expires_at <= h.expires_at as expired
        from account a
        cross join lateral (
            select * from ledger.hold h
            where h.programme_id = in_programme and h.owner_id = a.account_id
                and h.state = 'held' and h.expires_at <= a.until
            offset 0  -- account by account: without statistics a join walks the holds of the whole programme
        ) as h
        join ledger.transfer part
            on part.programme_id = in_programme and part.account_id = h.account_id and part.seq = h.seq
        join ledger.lot l on l.programme_id = in_programme and l.lot_id = part.lot_id
    ), inflow as (
        select account_id, at, lot_id, expires_at, available_from, sum(points) as points
        from (
            select account_id, at, lot_id, expires_at, available_from, points from lapsed where not expired
            union all
            select l.owner_id, greatest(l.available_from, a.as_of), l.lot_id, l.expires_at, l.available_from, l.open
            from account a
            cross join lateral (
                select * from ledger.lot l
                where l.programme_id = in_programme and l.owner_id = a.account_id and l.live and l.open > 0
                    and l.available_from <= a.until and l.expires_at > greatest(l.available_from, a.as_of)
                offset 0
            ) as l
            where a.debt > 0
        ) as reopened_or_started
        group by account_id, at, lot_id, expires_at, available_from
    ), settled as (
        select * from (
            select i.*, least(i.points, a.debt - coalesce(sum(i.points) over earlier, 0)) as taken
            from inflow i join account a using (account_id)
            where a.debt > 0
            window earlier as (
                partition by i.account_id order by i.at, i.expires_at, i.available_from, i.lot_id
                rows between unbounded preceding and 1 preceding
            )
        ) as in_order
        where taken > 0
    ), expired as (
        select
            a.account_id, greatest(l.expires_at, a.as_of) as at, l.lot_id, l.expires_at, l.available_from,
            l.open
                + coalesce((select sum(p.points) from lapsed p where p.lot_id = l.lot_id and not p.expired), 0)
                - coalesce((select sum(s.taken) from settled s where s.lot_id = l.lot_id), 0) as points
        from account a
        cross join lateral (
            select * from ledger.lot l
            where l.programme_id = in_programme and l.owner_id = a.account_id and l.live and l.expires_at <= a.until
            offset 0
        ) as l
    ), moved as (
        select account_id, at, 1 as rank, hold_id, age, 'held' as debit,
            case when expired then 'expired' else 'open' end as credit, lot_id, points, expires_at, available_from
        from lapsed
        union all
        select account_id, at, 2, null, null, 'open', 'expired', lot_id, points, expires_at, available_from
        from expired
        where points > 0
        union all
        select account_id, at, 3, null, null, 'open', 'debt', lot_id, taken, expires_at, available_from
        from settled
    ), aged as (
        select *, min(age) over (partition by account_id, hold_id) as key from moved
    )
    select
        m.account_id,
        a.last_seq + dense_rank() over (partition by m.account_id order by m.at, m.rank, m.key),
        (array['lapse', 'expiry', 'settle'])[m.rank],
        m.at, m.hold_id,
        (row_number() over (
            partition by m.account_id, m.at, m.rank, m.key order by m.expires_at, m.available_from, m.lot_id
        ))::int,
        m.debit, m.credit, m.lot_id, m.points::bigint
    from aged m join account a using (account_id);
end;
$$;

-- Whether due() would return anything for one account at in_now, which is not before its instant in_as_of: two index
-- probes where there is no debt.
create function ledger.is_due(
    in_programme int, in_account bigint, in_as_of timestamptz, in_debt bigint, in_now timestamptz) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from ledger.hold
        where programme_id = in_programme and owner_id = in_account and state = 'held' and expires_at <= in_now
    ) or exists (
        select from ledger.lot
        where programme_id = in_programme and owner_id = in_account and live and expires_at <= in_now and open > 0
    ) or (in_debt > 0 and exists (
        select from ledger.lot
        where programme_id = in_programme and owner_id = in_account and live and open > 0
            and available_from <= in_now and expires_at > greatest(available_from, in_as_of)
    ));
end;
$$;
