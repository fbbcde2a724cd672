-- What is wrong with accounts, also of those who left, and with the programme's books as a whole (I1, I5, I10).

create view ledger.account_violations as

-- I5: numbers have no gap, and the account stands at its newest entry.
select
    a.programme_id, a.account_id, 'sequence_gap' as violation,
    format('last seq %s; entries: %s up to %s', a.last_seq, coalesce(e.entries, 0), e.newest) as detail
from ledger.account a
left join (
    select programme_id, account_id, count(*) as entries, max(seq) as newest
    from ledger.entry group by programme_id, account_id
) as e using (programme_id, account_id)
where a.last_seq <> coalesce(e.newest, 0) or a.last_seq <> coalesce(e.entries, 0)

union all

select a.programme_id, a.account_id, 'instant_differs', format('as of %s; newest entry at %s', a.as_of, e.at)
from ledger.account a
join ledger.entry e on e.programme_id = a.programme_id and e.account_id = a.account_id and e.seq = a.last_seq
where a.as_of <> e.at

union all

-- A debt is what its transfers say.
select a.programme_id, a.account_id, 'debt_differs', format('debt %s; by transfers %s', a.debt, coalesce(t.debt, 0))
from ledger.account a
left join (
    select programme_id, account_id, sum(case when debit = 'debt' then points else -points end) as debt
    from ledger.transfer
    where debit = 'debt' or credit = 'debt'
    group by programme_id, account_id
) as t using (programme_id, account_id)
where a.debt <> coalesce(t.debt, 0)

union all

-- I10: who left has nothing, and what has happened to the account since is nothing.
select a.programme_id, a.account_id, 'left_with_points', format('left at %s; as of %s', a.left_at, a.as_of)
from ledger.account a
where a.left_at is not null and (
    a.as_of > a.left_at
    or exists (
        select from ledger.lot l
        where l.programme_id = a.programme_id and l.owner_id = a.account_id and l.live
    )
    or exists (
        select from ledger.hold h
        where h.programme_id = a.programme_id and h.owner_id = a.account_id and h.state = 'held'
    )
)

union all

-- I10: only of an account that was left are points forfeited, once.
select e.programme_id, e.account_id, 'forfeited_and_stayed', format('%s times; left at %s', e.times, a.left_at)
from (
    select programme_id, account_id, count(*) as times, max(at) as at from ledger.entry
    where kind = 'forfeit'
    group by programme_id, account_id
) as e
join ledger.account a using (programme_id, account_id)
where e.times > 1 or a.left_at is distinct from e.at

union all

-- What somebody owns, an account owns.
select o.programme_id, o.owner_id, 'no_such_account', format('owner of %s', o.what)
from (
    select programme_id, owner_id, format('lot %s', lot_id) as what from ledger.lot
    union all
    select programme_id, owner_id, format('hold %s', hold_id) from ledger.hold
) as o
left join ledger.account a on a.programme_id = o.programme_id and a.account_id = o.owner_id
where a.account_id is null

union all

-- I1: what the programme's ledger accounts gave out and did not get back is what members have less what they owe.
select
    coalesce(given.programme_id, owned.programme_id), null, 'books_unbalanced',
    format('given out %s; owned by members %s', given.points, owned.points)
from (
    select
        programme_id,
        sum(case when debit in ('open', 'held', 'debt') then 0 else points end)
            - sum(case when credit in ('open', 'held', 'debt') then 0 else points end) as points
    from ledger.transfer
    group by programme_id
) as given
full join (
    select
        programme_id,
        coalesce((select sum(l.open + l.held) from ledger.lot l where l.programme_id = a.programme_id), 0)
            - sum(a.debt) as points
    from ledger.account a
    group by programme_id
) as owned using (programme_id)
where coalesce(given.points, 0) <> coalesce(owned.points, 0);
