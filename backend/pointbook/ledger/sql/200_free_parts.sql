-- The points of a locked account, brought to in_at, that are free for a cart, in R15's order: the available lots, and
-- what an open hold of the same cart (in_hold, may be null) holds of any lot.
-- values: minor units per point, in_point_value for all lots where it is given.

create type ledger.free_parts as (lots bigint[], points bigint[], values numeric[]);

create function ledger.free_parts(
    in_programme int, in_account bigint, in_at timestamptz, in_hold ledger.hold, in_point_value numeric)
returns ledger.free_parts
language plpgsql stable as $$
declare
    free ledger.free_parts;
begin
    select
        coalesce(array_agg(lot_id), '{}'), coalesce(array_agg(points), '{}'),
        coalesce(array_agg(coalesce(in_point_value, value_per_point)), '{}')
    into free
    from (
        select l.lot_id, l.open + coalesce(part.points, 0) as points, l.value_per_point
        from ledger.lot l
        left join ledger.transfer part
            on part.programme_id = in_programme and part.account_id = in_hold.account_id and part.seq = in_hold.seq
            and part.lot_id = l.lot_id
        where l.programme_id = in_programme and l.owner_id = in_account and l.live
            and (part.points is not null or l.open > 0 and l.available_from <= in_at and l.expires_at > in_at)
        order by l.expires_at, l.available_from, l.lot_id
    ) as in_order;
    return free;
end;
$$;
