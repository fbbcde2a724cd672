-- What is wrong with gift cards. That a card's face is what is used, open, held, expired and void, is a check of the
-- table itself.

create view ledger.card_violations as
with moved as (
    select
        programme_id, card_id, count(*) as entries, max(seq) as newest,
        sum(amount) filter (where debit = 'issued') as face,
        sum(case 'open' when credit then amount when debit then -amount else 0 end) as open,
        sum(case 'held' when credit then amount when debit then -amount else 0 end) as held,
        sum(case 'used' when credit then amount when debit then -amount else 0 end) as used,
        coalesce(sum(amount) filter (where credit = 'expired'), 0) as expired,
        coalesce(sum(amount) filter (where credit = 'void'), 0) as void
    from ledger.card_entry
    group by programme_id, card_id
), ended as (
    select programme_id, hold_id, sum(amount) as amount, sum(amount) filter (where kind = 'use') as used, max(at) as at
    from ledger.card_entry
    where kind in ('use', 'release', 'lapse') and hold_id is not null
    group by programme_id, hold_id
), made as (
    select programme_id, hold_id, card_id, amount, at from ledger.card_entry where kind = 'hold'
)

-- Issued = used + open + expired + void: a card's figures are those of its entries, which are numbered without a gap.
select
    coalesce(c.programme_id, m.programme_id) as programme_id, c.account_id, 'card_differs' as violation,
    format(
        'card %s: face %s, open %s, held %s, used %s, expired %s, void %s; by its entries %s, %s, %s, %s, %s, %s',
        coalesce(c.card_id, m.card_id), c.face, c.open, c.held, c.used, c.expired, c.void, m.face, m.open, m.held,
        m.used, m.expired, m.void) as detail
from ledger.card c
full join moved m using (programme_id, card_id)
where (c.face, c.open, c.held, c.used, c.expired, c.void, c.last_seq, c.last_seq)
    is distinct from (m.face, m.open, m.held, m.used, m.expired, m.void, m.newest, m.entries)

union all

-- Money moves only along the ways of the entry's kind.
select e.programme_id, null, 'card_entry_of_wrong_kind',
    format('card %s, seq %s: %s from %s to %s', e.card_id, e.seq, e.kind, e.debit, e.credit)
from ledger.card_entry e
where (e.kind, e.debit, e.credit) not in (
    ('issue', 'issued', 'open'), ('hold', 'open', 'held'),
    ('use', 'open', 'used'), ('use', 'held', 'used'),
    ('release', 'held', 'open'), ('release', 'held', 'expired'),
    ('lapse', 'held', 'open'), ('lapse', 'held', 'expired'),
    ('refund', 'used', 'open'), ('refund', 'used', 'expired'),
    ('expiry', 'open', 'expired'), ('void', 'open', 'void')
)

union all

-- Instants never go back, and a card stands at its newest entry.
select e.programme_id, null, 'card_instant_goes_back', format('card %s, seq %s is before its predecessor', e.card_id, e.seq)
from (
    select
        programme_id, card_id, seq, at, lag(at) over (partition by programme_id, card_id order by seq) as before
    from ledger.card_entry
) as e
where e.at < e.before

union all

select c.programme_id, c.account_id, 'card_instant_differs', format('card %s', c.card_id)
from ledger.card c
join ledger.card_entry e on e.programme_id = c.programme_id and e.card_id = c.card_id and e.seq = c.last_seq
where e.at <> c.as_of

union all

-- A card is bought by one spend, and void exactly if that was given back.
select c.programme_id, c.account_id, 'card_not_bought', format('card %s: bought by %s', c.card_id, coalesce(e.kind, 'no entry'))
from ledger.card c
left join ledger.entry e
    on e.programme_id = c.programme_id and e.account_id = c.account_id and e.seq = c.spend_seq
where (e.kind, e.source_type, e.source_id) is distinct from ('spend', 'gift_card', replace(c.card_id::text, '-', ''))

union all

select e.programme_id, e.account_id, 'card_missing', format('seq %s bought card %s, which is not there', e.seq, e.source_id)
from ledger.entry e
left join ledger.card c
    on c.programme_id = e.programme_id and c.account_id = e.account_id and c.spend_seq = e.seq
where e.kind = 'spend' and e.source_type = 'gift_card' and c.card_id is null

union all

select c.programme_id, c.account_id, 'card_void_differs',
    format('card %s: void %s, points given back %s', c.card_id, c.void, coalesce(b.points, 0))
from ledger.card c
left join (
    select e.programme_id, e.of_account_id, e.of_seq, sum(t.points) as points
    from ledger.entry e
    join ledger.transfer t using (programme_id, account_id, seq)
    where e.kind = 'give_back' and t.debit = 'redeemed'
    group by e.programme_id, e.of_account_id, e.of_seq
) as b on b.programme_id = c.programme_id and b.of_account_id = c.account_id and b.of_seq = c.spend_seq
where (c.void > 0) <> (coalesce(b.points, 0) > 0)

union all

-- What is held of a card is what its open holds hold.
select c.programme_id, c.account_id, 'card_held_differs', format('card %s: held %s, by open holds %s', c.card_id, c.held, coalesce(h.amount, 0))
from ledger.card c
left join (
    select programme_id, card_id, sum(amount) as amount
    from ledger.card_hold
    where state = 'held'
    group by programme_id, card_id
) as h using (programme_id, card_id)
where c.held <> coalesce(h.amount, 0)

union all

-- A hold has the entry that made it; it ends once, in its time, and wholly.
select
    coalesce(h.programme_id, m.programme_id), null, 'card_hold_differs',
    format('hold %s: %s, %s; by its entries %s, ended %s', coalesce(h.hold_id, m.hold_id), h.state, h.amount, m.amount, e.amount)
from ledger.card_hold h
full join made m using (programme_id, hold_id)
left join ended e using (programme_id, hold_id)
where (h.card_id, h.amount, h.created_at) is distinct from (m.card_id, m.amount, m.at)
    or (h.ended_at, h.used_amount) is distinct from (e.at, e.used)
    or case h.state
        when 'held' then e.amount is not null
        when 'lapsed' then e.amount is distinct from h.amount or h.ended_at <> h.expires_at
        else e.amount is distinct from h.amount or h.ended_at >= h.expires_at
    end

union all

-- What the clock has taken by the card's instant is neither open nor held any more.
select c.programme_id, c.account_id, 'card_past_expiry', format('card %s: open %s', c.card_id, c.open)
from ledger.card c
where c.open > 0 and c.expires_at <= c.as_of

union all

-- No more is refunded than was used, for each thing that it paid.
select programme_id, null, 'card_refunded_beyond_used',
    format('card %s, %s %s: %s too much', card_id, source_type, source_id, sum(case kind when 'use' then -amount else amount end))
from ledger.card_entry
where kind in ('use', 'refund')
group by programme_id, card_id, source_type, source_id
having sum(case kind when 'use' then -amount else amount end) > 0;
