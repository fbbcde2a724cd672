-- What is wrong with merges (I10).

create view ledger.merge_violations as
with out_line as (
    select
        e.programme_id, e.account_id, e.seq, t.lot_id, t.points,
        case t.debit when 'moved' then t.credit else t.debit end as what
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind = 'merge_out'
), in_line as (
    select
        e.programme_id, e.of_account_id as account_id, e.of_seq as seq, t.lot_id, t.points,
        case t.debit when 'moved' then t.credit else t.debit end as what
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind = 'merge_in'
)

-- What leaves one account comes to the other: of the same lots, open, held or owed.
select
    coalesce(o.programme_id, i.programme_id) as programme_id, coalesce(o.account_id, i.account_id) as account_id,
    'merge_differs' as violation,
    format(
        'seq %s, lot %s: %s %s out, %s in', coalesce(o.seq, i.seq), coalesce(o.lot_id, i.lot_id),
        coalesce(o.points, 0), coalesce(o.what, i.what), coalesce(i.points, 0)) as detail
from out_line o
full join in_line i
    on i.programme_id = o.programme_id and i.account_id = o.account_id and i.seq = o.seq and i.what = o.what
    and coalesce(i.lot_id, 0) = coalesce(o.lot_id, 0)
where o.points is distinct from i.points

union all

-- An account that was merged ends with its merge_out, which has its merge_in at the account that it was merged into.
select a.programme_id, a.account_id, 'merge_unfinished',
    format('merged into %s; newest entry %s, and what names it is at %s', a.merged_into, o.kind, i.account_id)
from ledger.account a
left join ledger.entry o
    on o.programme_id = a.programme_id and o.account_id = a.account_id and o.seq = a.last_seq
left join ledger.entry i
    on i.programme_id = a.programme_id and i.of_account_id = a.account_id and i.of_seq = a.last_seq
    and i.kind = 'merge_in'
where a.merged_into is not null
    and (o.kind, i.account_id, i.at, i.source_type, i.source_id)
        is distinct from ('merge_out', a.merged_into, o.at, o.source_type, o.source_id)

union all

select e.programme_id, e.account_id, 'merge_unfinished', format('%s, seq %s: nothing was merged', e.kind, e.seq)
from ledger.entry e
left join ledger.account a
    on a.programme_id = e.programme_id
    and a.account_id = case e.kind when 'merge_out' then e.account_id else e.of_account_id end
where e.kind in ('merge_out', 'merge_in') and a.merged_into is null

union all

-- Nothing is left of it: not a point, not an open hold, no debt.
select a.programme_id, a.account_id, 'merged_and_not_empty', format('debt %s', a.debt)
from ledger.account a
where a.merged_into is not null and (
    a.debt > 0
    or exists (
        select from ledger.lot l where l.programme_id = a.programme_id and l.owner_id = a.account_id and l.live
    )
    or exists (
        select from ledger.hold h
        where h.programme_id = a.programme_id and h.owner_id = a.account_id and h.state = 'held'
    ));
