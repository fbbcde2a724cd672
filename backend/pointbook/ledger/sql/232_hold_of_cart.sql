-- The hold of a cart that is open at in_at, or null: the oldest, for after a merge a cart may have two, of either account.

create or replace function ledger.open_hold_of_cart(
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
