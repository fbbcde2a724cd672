-- Writes what is due on accounts that the caller has locked, in one statement. Again: nothing.
-- Leaves each account at the instant of its newest entry.

create function ledger.book_due(in_programme int, in_accounts bigint[], in_now timestamptz) returns void
language plpgsql as $$
begin
    with due as materialized (
        select * from ledger.due(in_programme, in_accounts, in_now)
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at, hold_id)
        select distinct in_programme, account_id, seq, kind, at, hold_id from due
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select in_programme, account_id, seq, line, debit, credit, lot_id, points from due
    ), lots as (
        update ledger.lot l
        set open = l.open + moved.open, held = l.held - moved.held
        from (
            select
                lot_id,
                coalesce(sum(points) filter (where credit = 'open'), 0)
                    - coalesce(sum(points) filter (where debit = 'open'), 0) as open,
                coalesce(sum(points) filter (where debit = 'held'), 0) as held
            from due group by lot_id
        ) as moved
        where l.programme_id = in_programme and l.lot_id = moved.lot_id
    ), holds as (
        update ledger.hold h
        set state = 'lapsed', ended_at = lapse.at, end_seq = lapse.seq
        from (select distinct hold_id, at, seq from due where kind = 'lapse') as lapse
        where h.programme_id = in_programme and h.hold_id = lapse.hold_id
    )
    update ledger.account a
    set last_seq = newest.seq, as_of = newest.at, debt = a.debt - newest.settled
    from (
        select
            account_id, max(seq) as seq, max(at) as at,
            coalesce(sum(points) filter (where kind = 'settle'), 0) as settled
        from due group by account_id
    ) as newest
    where a.programme_id = in_programme and a.account_id = newest.account_id;
end;
$$;
