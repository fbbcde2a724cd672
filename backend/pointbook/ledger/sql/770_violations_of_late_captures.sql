-- What is wrong with late captures (I4).

create view ledger.late_capture_violations as
with entered as (
    select
        e.programme_id, e.account_id, e.seq, e.hold_id, e.occurrence,
        sum(t.points) as points, coalesce(sum(t.points) filter (where t.debit = 'debt'), 0) as debt
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind = 'late_capture'
    group by e.programme_id, e.account_id, e.seq, e.hold_id, e.occurrence
)

-- Its figures are those of its entry, and each has one.
select
    coalesce(c.programme_id, e.programme_id) as programme_id, coalesce(c.account_id, e.account_id) as account_id,
    'late_capture_differs' as violation,
    format(
        'hold %s, purchase %s: %s points, debt %s; by its entry %s, %s', coalesce(c.hold_id, e.hold_id),
        coalesce(c.purchase, e.occurrence), c.points, c.debt, e.points, e.debt) as detail
from ledger.late_capture c
full join entered e using (programme_id, account_id, seq)
where (c.hold_id, c.purchase, c.points, c.debt) is distinct from (e.hold_id, e.occurrence, e.points, e.debt)

union all

-- I4: a voucher buys once: late only if it was not captured in time, and again only what was given back whole.
select
    c.programme_id, c.account_id, 'voucher_bought_twice', format('hold %s, purchase %s', c.hold_id, c.purchase)
from ledger.late_capture c
join ledger.hold h using (programme_id, hold_id)
left join ledger.late_capture late
    on late.programme_id = c.programme_id and late.hold_id = c.hold_id and late.purchase = c.purchase - 1
where case
    when c.purchase = 1 then h.state <> 'lapsed'
    else (
        select coalesce(sum(t.points), 0)
        from ledger.entry e
        join ledger.transfer t
            on t.programme_id = e.programme_id and t.account_id = e.account_id and t.seq = e.seq
            and t.debit = 'redeemed'
        where e.programme_id = c.programme_id
            and (e.of_account_id, e.of_seq)
                = (coalesce(late.account_id, h.owner_id), coalesce(late.seq, h.end_seq))
    ) is distinct from coalesce(late.points, h.captured_points)
end;
