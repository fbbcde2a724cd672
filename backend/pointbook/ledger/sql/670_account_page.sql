-- All that a member's page shows, in one row of figures and parallel arrays; no row if there is no such account.

create function ledger.account_page(
    in_programme int, in_account bigint, in_now timestamptz, in_until timestamptz, in_history int,
    in_point_value numeric)
returns table (
    account_id bigint, available bigint, pending bigint, held bigint, debt bigint, value bigint,
    expiring_at timestamptz[], expiring_points bigint[],
    hold_id uuid[], hold_cart bytea[], hold_code_hash bytea[], hold_last_four text[], hold_points bigint[],
    hold_value bigint[], hold_created_at timestamptz[], hold_expires_at timestamptz[], hold_extensions smallint[],
    entry_seq bigint[], entry_kind text[], entry_at timestamptz[], entry_points bigint[], entry_held bigint[],
    entry_moved bigint[], entry_source_type text[], entry_source_id text[], entry_hold_id uuid[])
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    reading ledger.reading;
    balance ledger.balance;
begin
    reading := ledger.read_account(in_programme, in_account, in_now);
    if reading.account_id is null then
        return;
    end if;
    account_id := reading.account_id;
    balance := ledger.balance_at(in_programme, reading, in_point_value);
    available := balance.available;
    pending := balance.pending;
    held := balance.held;
    debt := balance.debt;
    value := balance.value;

    select coalesce(array_agg(e.expires_at), '{}'), coalesce(array_agg(e.points), '{}')
    into expiring_at, expiring_points
    from ledger.expiring_at(in_programme, reading, in_until) as e;

    select
        coalesce(array_agg(h.hold_id), '{}'), coalesce(array_agg(h.cart), '{}'),
        coalesce(array_agg(h.code_hash), '{}'), coalesce(array_agg(h.last_four), '{}'),
        coalesce(array_agg(h.points), '{}'), coalesce(array_agg(h.value), '{}'),
        coalesce(array_agg(h.created_at), '{}'), coalesce(array_agg(h.expires_at), '{}'),
        coalesce(array_agg(h.extensions), '{}')
    into hold_id, hold_cart, hold_code_hash, hold_last_four, hold_points, hold_value, hold_created_at,
        hold_expires_at, hold_extensions
    from ledger.holds_at(in_programme, reading) as h
    where balance.held > 0;

    select
        coalesce(array_agg(e.seq), '{}'), coalesce(array_agg(e.kind), '{}'), coalesce(array_agg(e.at), '{}'),
        coalesce(array_agg(e.points), '{}'), coalesce(array_agg(e.held), '{}'),
        coalesce(array_agg(e.moved), '{}'), coalesce(array_agg(e.source_type), '{}'),
        coalesce(array_agg(e.source_id), '{}'), coalesce(array_agg(e.hold_id), '{}')
    into entry_seq, entry_kind, entry_at, entry_points, entry_held, entry_moved, entry_source_type,
        entry_source_id, entry_hold_id
    from ledger.history_at(in_programme, reading, in_history, null) as e;
    return next;
end;
$$;
