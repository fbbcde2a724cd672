-- What is wrong with what returns gave back and took back (I1, I6, I10), also of late captures and spends.

create view ledger.return_violations as
with taken_back as (
    select
        e.programme_id, e.account_id, e.seq, e.kind, e.hold_id, e.of_account_id, e.of_seq,
        t.debit, t.credit, t.lot_id, t.points
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.of_seq is not null
)

-- A reversal takes an accrual back, a give-back a purchase of its hold, or a spend.
select
    r.programme_id, r.account_id, 'takes_back_another' as violation,
    format('%s, seq %s: of %s', r.kind, r.seq, coalesce(o.kind, 'no entry')) as detail
from ledger.entry r
left join ledger.entry o
    on o.programme_id = r.programme_id and o.account_id = r.of_account_id and o.seq = r.of_seq
where r.kind in ('reversal', 'give_back') and (
    o.hold_id is distinct from r.hold_id
    or case r.kind
        when 'reversal' then o.kind is distinct from 'accrual'
        else o.kind is null or o.kind not in ('capture', 'late_capture', 'spend')
    end)

union all

-- I6: no lot gets more back of a purchase than it paid of it; nor does what nobody had.
select b.programme_id, b.of_account_id, 'given_back_beyond_captured',
    format(
        'seq %s, lot %s: captured %s, given back %s', b.of_seq, b.lot_id, coalesce(c.points, 0), b.points)
from (
    select programme_id, of_account_id, of_seq, hold_id, lot_id, sum(points) as points
    from taken_back
    where debit = 'redeemed'
    group by programme_id, of_account_id, of_seq, hold_id, lot_id
) as b
left join ledger.transfer c
    on c.programme_id = b.programme_id and c.account_id = b.of_account_id and c.seq = b.of_seq
    and c.lot_id is not distinct from b.lot_id and c.credit = 'redeemed'
where b.points > coalesce(c.points, 0)

union all

-- I6: no more is taken back of an accrual than it granted.
select b.programme_id, b.of_account_id, 'reversed_beyond_granted',
    format('accrual, seq %s: granted %s, reversed %s', b.of_seq, coalesce(g.points, 0), b.points)
from (
    select programme_id, of_account_id, of_seq, sum(points) as points
    from taken_back
    where credit = 'reversed'
    group by programme_id, of_account_id, of_seq
) as b
left join (
    select programme_id, account_id, seq, sum(points) as points
    from ledger.transfer
    where debit = 'issued'
    group by programme_id, account_id, seq
) as g on g.programme_id = b.programme_id and g.account_id = b.of_account_id and g.seq = b.of_seq
where b.points > coalesce(g.points, 0)

union all

-- I6: no more is taken back of what has expired of a lot than has.
select programme_id, min(account_id), 'expired_overdrawn',
    format('lot %s: %s points too many', lot_id, sum(case debit when 'expired' then points else -points end))
from ledger.transfer
where debit = 'expired' or credit = 'expired'
group by programme_id, lot_id
having sum(case debit when 'expired' then points else -points end) > 0

union all

-- I1, I10: what moves out of a lot, or of an account, moves into another.
select
    programme_id, null, 'moved_elsewhere',
    format('%s points', sum(case debit when 'moved' then -points else points end))
from ledger.transfer
where debit = 'moved' or credit = 'moved'
group by programme_id
having sum(case debit when 'moved' then -points else points end) <> 0;
