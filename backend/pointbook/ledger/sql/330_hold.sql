-- Sets points of an account aside for a cart; the hold lapses by itself when its lifetime is over.
-- R20: the same cart, points and value as an open hold: that hold, unchanged; the request has its answer, so that a
-- late repetition makes no other hold. The same cart otherwise: the old hold is released first and its points are free
-- for the new one, even if their lot has expired meanwhile or there is debt; what the new one leaves of them expires or
-- pays debt at once. The new hold has what extensions the old one had left, and with points that only the old one could
-- still give it ends when that would have: replacing a hold again and again keeps no expired point alive.
-- status: ok | key_conflict | no_account | clock_ahead | inactive | locked | insufficient (available)
-- | exceeds_cart (maximum) | below_minimum
-- Locks the account.

create function ledger.hold(
    in_programme int, in_account bigint, in_hold uuid, in_cart bytea, in_points bigint, in_limit bigint,
    in_minimum bigint, in_point_value numeric, in_lifetime interval, in_code_hash bytea, in_last_four text,
    in_request bytea[], in_now timestamptz)
returns ledger.hold_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    account ledger.entered;
    earlier record;
    replaced ledger.hold;
    free ledger.free_parts;
    price ledger.price;
    made ledger.hold;
begin
    account := ledger.enter(in_programme, in_account, in_now);
    if account.status <> 'ok' then
        return ledger.hold_refusal(account.status);
    end if;
    earlier := ledger.replay(in_programme, in_request);
    if earlier.status is not null then
        return ledger.replayed_hold(in_programme, earlier.status, earlier.answer);
    end if;
    if not account.may_spend then
        return ledger.hold_refusal(case when account.may_earn then 'locked' else 'inactive' end);
    end if;

    replaced := ledger.open_hold_of_cart(in_programme, account.account_id, in_cart, account.at);
    free := ledger.free_parts(in_programme, account.account_id, account.at, replaced, in_point_value);
    price := ledger.price_of(free.points, free.values, in_points, in_limit, in_minimum);
    if price.status <> 'ok' then
        return ledger.hold_refusal(price.status, price.available, price.maximum);
    elsif replaced.points = price.points and replaced.value = price.value then
        perform ledger.remember_hold(in_request, replaced);
        return ledger.hold_answer_of(replaced);
    end if;

    if replaced.hold_id is not null then
        account.seq := account.seq + 1;
        perform ledger.end_hold(replaced, 'release', account.seq, account.at, in_reopen => true);
    end if;

    account.seq := account.seq + 1;
    with taken as (
        select * from unnest(free.lots, price.taken) with ordinality as t (lot_id, points, line) where t.points > 0
    ), entries as (
        insert into ledger.entry (programme_id, account_id, seq, kind, at, hold_id)
        values (in_programme, account.account_id, account.seq, 'hold', account.at, in_hold)
    ), transfers as (
        insert into ledger.transfer (programme_id, account_id, seq, line, debit, credit, lot_id, points)
        select in_programme, account.account_id, account.seq, line, 'open', 'held', lot_id, points from taken
    ), lots as (
        update ledger.lot l
        set open = l.open - taken.points, held = l.held + taken.points
        from taken
        where l.programme_id = in_programme and l.lot_id = taken.lot_id
    )
    insert into ledger.hold (
        programme_id, hold_id, owner_id, account_id, seq, cart, points, value, point_value, code_hash, last_four,
        created_at, expires_at, extensions)
    values (
        in_programme, in_hold, account.account_id, account.account_id, account.seq, in_cart, price.points,
        price.value, in_point_value, in_code_hash, in_last_four, account.at,
        case
            when replaced.hold_id is not null
                and ledger.is_inherited(in_programme, account, free.lots, price.taken)
                then least(account.at + in_lifetime, replaced.expires_at)
            else account.at + in_lifetime
        end,
        coalesce(replaced.extensions, 0))
    returning * into made;

    perform ledger.remember_hold(in_request, made);
    perform ledger.leave(
        in_programme, account.account_id, account.seq, account.at, account.debt, replaced.hold_id is not null);
    return ledger.hold_answer_of(made);
end;
$$;

-- Whether some of the points in_taken of in_lots could not be held anew: their lot has expired, or there is debt.
create function ledger.is_inherited(in_programme int, in_account ledger.entered, in_lots bigint[], in_taken bigint[])
returns boolean
language plpgsql stable as $$
begin
    return in_account.debt > 0 or exists (
        select from unnest(in_lots, in_taken) as t (lot_id, points)
        join ledger.lot l on l.programme_id = in_programme and l.lot_id = t.lot_id
        where t.points > 0 and l.expires_at <= in_account.at
    );
end;
$$;

-- The hold of a cart that is open at in_at, or null: the oldest, for after a merge a cart may have two, of either
-- account.
create function ledger.open_hold_of_cart(
    in_programme int, in_account bigint, in_cart bytea, in_at timestamptz)
returns ledger.hold
language plpgsql stable as $$
declare
    found_hold ledger.hold;
begin
    select * into found_hold from ledger.hold
    where programme_id = in_programme and owner_id = in_account and state = 'held'
        and expires_at > in_at and cart = in_cart
    order by created_at, account_id, seq
    limit 1;
    return found_hold;
end;
$$;
