-- Ends an open hold of a locked account, brought to now, by an entry of in_kind (capture or release) at in_seq, in_at.
-- in_spent: how much of each part, in the order of the hold's lines, is redeemed; null = nothing. The rest is open
-- again, or expires at once if its lot has expired (R18) unless in_reopen: then it is open first, for a successor, or
-- to be forfeited.

create function ledger.end_hold(
    in_hold ledger.hold, in_kind text, in_seq bigint, in_at timestamptz, in_spent bigint[] default null,
    in_value bigint default null, in_source_type text default null, in_source_id text default null,
    in_reopen boolean default false)
returns ledger.hold
language plpgsql as $$
declare
    ended ledger.hold;
begin
    with part as (
        select
            p.line, p.lot_id, p.points, coalesce(in_spent[p.line], 0) as spent,
            case when in_reopen or l.expires_at > in_at then 'open' else 'expired' end as rest_to
        from ledger.transfer p
        join ledger.lot l on l.programme_id = p.programme_id and l.lot_id = p.lot_id
        where p.programme_id = in_hold.programme_id and p.account_id = in_hold.account_id and p.seq = in_hold.seq
    ), entries as (
        insert into ledger.entry (
            programme_id, account_id, seq, kind, at, source_type, source_id, occurrence, hold_id)
        values (
            in_hold.programme_id, in_hold.owner_id, in_seq, in_kind, in_at, in_source_type, in_source_id,
            case when in_source_type is not null then 1 end, in_hold.hold_id)
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select
            in_hold.programme_id, in_hold.owner_id, in_seq, row_number() over (order by rank, line),
            'held', credit, lot_id, points
        from (
            select 1 as rank, line, 'redeemed' as credit, lot_id, spent as points from part where spent > 0
            union all
            select 2, line, rest_to, lot_id, points - spent from part where points > spent
        ) as moved
    ), lots as (
        update ledger.lot l
        set held = l.held - part.points,
            open = l.open + case when part.rest_to = 'open' then part.points - part.spent else 0 end
        from part
        where l.programme_id = in_hold.programme_id and l.lot_id = part.lot_id
    )
    update ledger.hold
    set state = in_kind || 'd', ended_at = in_at, end_seq = in_seq,
        captured_points = (select nullif(sum(spent), 0) from part), captured_value = in_value,
        source_type = in_source_type, source_id = in_source_id
    where programme_id = in_hold.programme_id and hold_id = in_hold.hold_id
    returning * into strict ended;
    return ended;
end;
$$;
