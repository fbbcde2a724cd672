-- What is wrong with holds (I3, I4, I6).

create view ledger.hold_violations as
with ending as (
    select
        e.programme_id, e.hold_id, count(*) as times, min(e.account_id) as account_id, min(e.seq) as seq,
        min(e.kind) as kind, min(e.at) as at
    from ledger.entry e
    where e.kind in ('capture', 'release', 'lapse')
    group by e.programme_id, e.hold_id
), ended as (
    select
        e.programme_id, e.hold_id, sum(t.points) as points,
        sum(t.points) filter (where t.credit = 'redeemed') as redeemed
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind in ('capture', 'release', 'lapse')
    group by e.programme_id, e.hold_id
), made as (
    select e.programme_id, e.hold_id, e.account_id, e.seq, sum(t.points) as points
    from ledger.entry e
    left join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind = 'hold'
    group by e.programme_id, e.hold_id, e.account_id, e.seq
)

-- A hold is made by one entry, whose transfers are its parts.
select
    coalesce(h.programme_id, m.programme_id) as programme_id, coalesce(h.owner_id, m.account_id) as account_id,
    'hold_differs' as violation,
    format('hold %s: %s points; by its entry %s', coalesce(h.hold_id, m.hold_id), h.points, m.points) as detail
from ledger.hold h
full join made m using (programme_id, hold_id)
where (h.account_id, h.seq, h.points) is distinct from (m.account_id, m.seq, m.points)

union all

-- I4: it ends at most once.
select e.programme_id, e.account_id, 'hold_ended_twice', format('hold %s: %s times', e.hold_id, e.times)
from ending e
where e.times > 1

union all

-- I4: an ended hold has the entry that ended it, an open one has none.
select h.programme_id, h.owner_id, 'hold_end_differs', format('hold %s: %s; its entry: %s', h.hold_id, h.state, e.kind)
from ledger.hold h
left join ending e using (programme_id, hold_id)
where (h.state, h.end_seq, h.ended_at) is distinct from (
    coalesce(case e.kind when 'lapse' then 'lapsed' else e.kind || 'd' end, 'held'), e.seq, e.at)

union all

-- I6: what was captured was held, and nothing of a hold is left when it ends.
select
    h.programme_id, h.owner_id, 'hold_not_used_up',
    format(
        'hold %s: %s points, captured %s; by its end %s, %s', h.hold_id, h.points, h.captured_points, e.points,
        e.redeemed)
from ledger.hold h
join ended e using (programme_id, hold_id)
where (h.points, h.captured_points) is distinct from (e.points, e.redeemed)

union all

-- R19: it ends before its time is over, or lapses exactly then.
select h.programme_id, h.owner_id, 'hold_outlived', format('hold %s: %s', h.hold_id, h.state)
from ledger.hold h
join ledger.account a on a.programme_id = h.programme_id and a.account_id = h.owner_id
where case h.state
    when 'held' then h.expires_at <= a.as_of
    when 'lapsed' then h.ended_at <> h.expires_at
    else h.ended_at >= h.expires_at
end;
