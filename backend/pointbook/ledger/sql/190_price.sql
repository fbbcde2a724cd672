-- The price of points (R3). in_points and in_values are free parts in R15's order: points, and minor units per point.
-- in_asked points, or null for full redemption: the most points whose value does not exceed in_limit.
-- The value is the exact sum, rounded down once; only the fewest points that reach it are charged.
-- status: ok | insufficient | exceeds_cart (maximum = how many points may be asked for) | below_minimum
-- taken: what is charged of each part, in their order, without the parts that are not needed.

create type ledger.price as (
    status text, taken bigint[], points bigint, value bigint, available bigint, maximum bigint);

create function ledger.price_of(
    in_points bigint[], in_values numeric[], in_asked bigint, in_limit bigint, in_minimum bigint)
returns ledger.price
language plpgsql immutable as $$
declare
    price ledger.price;
    worth numeric := 0;
    walked bigint := 0;
    share bigint;
begin
    price.available := (select coalesce(sum(part), 0) from unnest(in_points) as part);
    if in_asked > price.available then
        price.status := 'insufficient';
        return price;
    end if;

    for i in 1 .. cardinality(in_points) loop
        share := least(in_points[i], coalesce(
            in_asked - walked, greatest(0, ledger.most_below(in_limit + 1 - worth, in_values[i]))));
        worth := worth + share * in_values[i];
        walked := walked + share;
        exit when share < in_points[i];
    end loop;
    price.value := floor(worth);
    if in_asked is not null and price.value > in_limit then
        price.maximum := (ledger.price_of(in_points, in_values, null, in_limit, 0)).maximum;
        price.status := 'exceeds_cart';
        return price;
    end if;

    price.maximum := walked;
    price.points := 0;
    worth := price.value;
    for i in 1 .. cardinality(in_points) loop
        exit when worth <= 0;
        share := least(in_points[i], ledger.fewest_reaching(worth, in_values[i]));
        worth := worth - share * in_values[i];
        price.points := price.points + share;
        price.taken[i] := share;
    end loop;
    price.status := case when price.value = 0 or price.points < in_minimum then 'below_minimum' else 'ok' end;
    return price;
end;
$$;

-- The division of numerics rounds; div() is exact, so that both of these are.

-- The fewest points of in_value each that are worth in_amount (> 0) or more.
create function ledger.fewest_reaching(in_amount numeric, in_value numeric) returns bigint
language sql immutable as $$
    select (div(in_amount, in_value) + case when mod(in_amount, in_value) > 0 then 1 else 0 end)::bigint
$$;

-- The most points of in_value each that are worth less than in_amount (> 0).
create function ledger.most_below(in_amount numeric, in_value numeric) returns bigint
language sql immutable as $$
    select (div(in_amount, in_value) - case when mod(in_amount, in_value) > 0 then 0 else 1 end)::bigint
$$;
