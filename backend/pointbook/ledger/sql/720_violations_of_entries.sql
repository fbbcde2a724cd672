-- What is wrong with entries and their transfers (I1, I5), by the ways of ledger.way. A sound ledger has no row here;
-- that holds for all views of violations. They show the programme of the transaction.

create view ledger.entry_violations as

-- I1: an entry that moves points has transfers. What a merge has to move is watched by ledger.merge_violations.
select
    e.programme_id, e.account_id, 'entry_without_transfers' as violation,
    format('%s, seq %s', e.kind, e.seq) as detail
from ledger.entry e
left join ledger.transfer t using (programme_id, account_id, seq)
where e.kind not in ('extend', 'merge_out', 'merge_in') and t.line is null

union all

-- I1: points move only along the ways of the entry's kind.
select
    t.programme_id, t.account_id, 'transfer_of_wrong_kind',
    format('seq %s, line %s: %s from %s to %s', t.seq, t.line, coalesce(e.kind, 'no entry'), t.debit, t.credit)
from ledger.transfer t
left join ledger.entry e using (programme_id, account_id, seq)
left join ledger.way w using (kind, debit, credit)
where w.kind is null

union all

-- I5: instants never go back.
select programme_id, account_id, 'instant_goes_back', format('seq %s is before its predecessor', seq)
from (
    select
        programme_id, account_id, seq, at,
        lag(at) over (partition by programme_id, account_id order by seq) as before
    from ledger.entry
) as in_order
where at < before

union all

-- I5: a lapse has the instant at which its hold ended.
select e.programme_id, e.account_id, 'automatic_instant', format('lapse, seq %s: not at the end of its hold', e.seq)
from ledger.entry e
join ledger.hold h using (programme_id, hold_id)
where e.kind = 'lapse' and e.at <> h.expires_at

union all

-- I5: points expire at their lot's expiry, and pay debt when they become available; or else in the instant in which
-- an earlier entry opened them; or a debt came by a merge.
select
    e.programme_id, e.account_id, 'automatic_instant',
    format('%s, seq %s: not when points of lot %s were due', e.kind, e.seq, l.lot_id)
from ledger.entry e
join ledger.transfer t using (programme_id, account_id, seq)
join ledger.lot l using (programme_id, lot_id)
where e.kind in ('expiry', 'settle')
    and e.at <> case e.kind when 'expiry' then l.expires_at else l.available_from end
    and (
        (e.at > l.expires_at) <> (e.kind = 'expiry')
        or e.at < l.available_from
        or not exists (
            select from ledger.entry o
            join ledger.transfer opened
                on opened.programme_id = o.programme_id and opened.account_id = o.account_id and opened.seq = o.seq
            where o.programme_id = e.programme_id and o.account_id = e.account_id and o.at = e.at and o.seq < e.seq
                and opened.lot_id = l.lot_id and opened.credit = 'open'
        )
        and not exists (
            select from ledger.entry o
            join ledger.transfer owed
                on owed.programme_id = o.programme_id and owed.account_id = o.account_id and owed.seq = o.seq
            where o.programme_id = e.programme_id and o.account_id = e.account_id and o.at = e.at and o.seq < e.seq
                and e.kind = 'settle' and o.kind = 'merge_in' and owed.debit = 'debt'
        )
    );
