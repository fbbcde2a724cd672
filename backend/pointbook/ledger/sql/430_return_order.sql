-- What one return does to points: gives some of a purchase back (in_hold, null = none), then takes some of an accrual
-- back (in_accrual_…, null = none), in this order, so that no debt arises that the same return pays, and both at one
-- instant. Either both have their effect or none.
-- The source of the return has one effect of each kind, whatever is asked of it later: the same again, first answer;
-- for another hold or accrual, key_conflict. Also where nothing was moved and so no entry written.
-- status: ok | key_conflict | clock_ahead | no_hold (also when it is not captured) | no_account (its member has left)
-- | exceeds (requested; available = what is left of the capture or of the accrual, 0 if there is no such accrual)
-- Locks the accounts of the hold and of the accrual, mostly one and the same, in key order.

create function ledger.return_order(
    in_programme int,
    in_hold uuid, in_purchase int, in_given bigint, in_grace_expires_at timestamptz,
    in_accrual_type text, in_accrual_id text, in_accrual_occurrence int, in_reversed bigint, in_policy text,
    in_source_type text, in_source_id text, in_occurrence int, in_request bytea[], in_now timestamptz,
    out status text, out requested bigint, out available bigint, out given ledger.given_back,
    out reversal ledger.reversal)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    captured ledger.hold;
    accrual record;
    targets bigint[];
    of_hold bytea[] := ledger.request_of_source(
        'give_back', in_source_type, in_source_id, in_occurrence,
        concat_ws(' ', in_hold, nullif(in_purchase, 1)));
    of_accrual bytea[] := ledger.request_of_source(
        'reversal', in_source_type, in_source_id, in_occurrence,
        concat_ws(' ', in_accrual_type, in_accrual_occurrence, in_accrual_id));
    earlier record;
    earlier_given record;
    earlier_reversal record;
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        status := 'clock_ahead';
        return;
    end if;
    select * into captured from ledger.hold where programme_id = in_programme and hold_id = in_hold;
    select * into accrual
    from ledger.accrual_of(in_programme, in_accrual_type, in_accrual_id, in_accrual_occurrence);
    if in_hold is not null and captured.hold_id is null then
        status := 'no_hold';
        return;
    elsif in_accrual_id is not null and accrual.seq is null then
        status := 'exceeds';
        requested := in_reversed;
        available := 0;
        return;
    end if;

    targets := ledger.lock_all(in_programme, array_remove(array[captured.owner_id, accrual.account_id], null));
    perform ledger.bring_to(in_programme, targets, in_now);

    earlier := ledger.replay(in_programme, in_request);
    if earlier.status is not null then
        status := earlier.status;
        given := jsonb_populate_record(null::ledger.given_back, earlier.answer -> 'given');
        reversal := jsonb_populate_record(null::ledger.reversal, earlier.answer -> 'reversal');
        return;
    end if;
    earlier_given := ledger.replay(in_programme, of_hold);
    earlier_reversal := ledger.replay(in_programme, of_accrual);
    if 'key_conflict' in (earlier_given.status, earlier_reversal.status) then
        status := 'key_conflict';
        return;
    end if;

    if (in_hold is not null and earlier_given.status is null or in_accrual_id is not null and earlier_reversal.status is null)
        and exists (
            select from ledger.account a
            where a.programme_id = in_programme and a.account_id = any(targets) and a.left_at is not null
        )
    then
        status := 'no_account';
        return;
    end if;

    if in_hold is not null and earlier_given.status is null then
        available := (
            select sum(p.captured - p.given_back)
            from ledger.captured_parts(in_programme, in_hold, in_purchase) as p
        );
        if available is null then
            status := 'no_hold';
            return;
        elsif in_given > available then
            status := 'exceeds';
            requested := in_given;
            return;
        end if;
    end if;
    if in_accrual_id is not null and earlier_reversal.status is null then
        available := (
            select a.granted - a.reversed
            from ledger.accrual_of(in_programme, in_accrual_type, in_accrual_id, in_accrual_occurrence) as a
        );
        if in_reversed > available then
            status := 'exceeds';
            requested := in_reversed;
            return;
        end if;
    end if;

    status := 'ok';
    available := null;
    if earlier_given.status is not null then
        given := jsonb_populate_record(null::ledger.given_back, earlier_given.answer);
    elsif in_hold is not null then
        given := ledger.give_back(
            in_programme, in_hold, in_purchase, in_given, in_grace_expires_at, in_source_type, in_source_id,
            in_occurrence, in_now);
        perform ledger.remember(in_programme, given.account_id, of_hold, to_jsonb(given));
    end if;
    if earlier_reversal.status is not null then
        reversal := jsonb_populate_record(null::ledger.reversal, earlier_reversal.answer);
    elsif in_accrual_id is not null then
        reversal := ledger.reverse(
            in_programme, accrual.account_id, accrual.seq, in_reversed, in_policy, in_source_type, in_source_id,
            in_occurrence, in_now);
        perform ledger.remember(in_programme, reversal.account_id, of_accrual, to_jsonb(reversal));
    end if;
    perform ledger.remember(
        in_programme, targets[1], in_request,
        jsonb_strip_nulls(jsonb_build_object('given', given, 'reversal', reversal)));
end;
$$;
