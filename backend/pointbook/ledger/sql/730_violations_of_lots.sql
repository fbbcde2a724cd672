-- What is wrong with lots (I2, I3, I7). A lot is granted by an accrual, by hand, or anew by a give-back: by points that
-- its own entry moved into it.

create view ledger.lot_violations as
with recursive moved as (
    select
        programme_id, lot_id,
        sum(case 'open' when credit then points when debit then -points else 0 end) as open,
        sum(case 'held' when credit then points when debit then -points else 0 end) as held,
        sum(points) filter (where is_granting) as granted,
        min(account_id) filter (where is_granting) as account_id,
        min(seq) filter (where is_granting) as seq
    from (
        select
            t.*,
            t.debit in ('issued', 'adjusted')
                or t.debit = 'moved' and (t.account_id, t.seq) = (l.account_id, l.seq) as is_granting
        from ledger.transfer t
        join ledger.lot l using (programme_id, lot_id)
    ) as line
    group by programme_id, lot_id
), set_aside as (
    select h.programme_id, part.lot_id, sum(part.points) as points
    from ledger.hold h
    join ledger.transfer part
        on part.programme_id = h.programme_id and part.account_id = h.account_id and part.seq = h.seq
    where h.state = 'held'
    group by h.programme_id, part.lot_id
), led as (
    select programme_id, account_id, merged_into as target from ledger.account where merged_into is not null
    union
    select led.programme_id, led.account_id, a.merged_into
    from led
    join ledger.account a on a.programme_id = led.programme_id and a.account_id = led.target
    where a.merged_into is not null
)

-- I2: a lot's figures are those of its transfers.
select
    l.programme_id, l.owner_id as account_id, 'lot_differs' as violation,
    format(
        'lot %s: granted %s, open %s, held %s; by its transfers %s, %s, %s', l.lot_id, l.granted, l.open, l.held,
        m.granted, m.open, m.held) as detail
from ledger.lot l
left join moved m using (programme_id, lot_id)
where (l.granted, l.open, l.held, l.account_id, l.seq)
    is distinct from (m.granted, m.open, m.held, m.account_id, m.seq)

union all

-- I3: what is held of a lot is what open holds hold of it.
select
    l.programme_id, l.owner_id, 'held_differs',
    format('lot %s: held %s; by open holds %s', l.lot_id, l.held, coalesce(s.points, 0))
from ledger.lot l
left join set_aside s using (programme_id, lot_id)
where l.held <> coalesce(s.points, 0)

union all

-- Nobody moves points of a lot that is another's, or of none; what a merge moved stays in the source's entries.
select t.programme_id, t.account_id, 'lot_of_another', format('seq %s, line %s: lot %s', t.seq, t.line, t.lot_id)
from ledger.transfer t
join ledger.account a on a.programme_id = t.programme_id and a.account_id = t.account_id
left join ledger.lot l on l.programme_id = t.programme_id and l.lot_id = t.lot_id
left join led on led.programme_id = t.programme_id and led.account_id = t.account_id and led.target = l.owner_id
where t.lot_id is not null and t.account_id is distinct from l.owner_id and led.target is null

union all

-- What the clock has taken by the account's instant is not open any more.
select l.programme_id, l.owner_id, 'open_past_expiry', format('lot %s: open %s', l.lot_id, l.open)
from ledger.lot l
join ledger.account a on a.programme_id = l.programme_id and a.account_id = l.owner_id
where l.live and l.open > 0 and l.expires_at <= a.as_of

union all

-- I7: debt means that nothing is available.
select l.programme_id, l.owner_id, 'debt_with_available', format('lot %s: open %s, debt %s', l.lot_id, l.open, a.debt)
from ledger.account a
join ledger.lot l on l.programme_id = a.programme_id and l.owner_id = a.account_id
where a.debt > 0 and l.live and l.open > 0 and l.available_from <= a.as_of and l.expires_at > a.as_of;
