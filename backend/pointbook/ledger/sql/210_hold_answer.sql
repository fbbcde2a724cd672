-- What the functions about holds answer: a status and, if it is ok, the hold.

create type ledger.hold_answer as (
    status text, available bigint, maximum bigint,
    hold_id uuid, account_id bigint, cart bytea, code_hash bytea, last_four text, points bigint, value bigint,
    created_at timestamptz, expires_at timestamptz, extensions smallint, state text, ended_at timestamptz,
    captured_points bigint, captured_value bigint);

create function ledger.hold_refusal(
    in_status text, in_available bigint default null, in_maximum bigint default null) returns ledger.hold_answer
language plpgsql immutable as $$
declare
    answer ledger.hold_answer;
begin
    answer.status := in_status;
    answer.available := in_available;
    answer.maximum := in_maximum;
    return answer;
end;
$$;

-- What has become of a hold: one that lapsed and was captured late is captured, as its voucher.
create function ledger.state_of(in_hold ledger.hold) returns text
language plpgsql stable as $$
begin
    return case
        when in_hold.state = 'lapsed' and exists (
            select from ledger.late_capture
            where programme_id = in_hold.programme_id and hold_id = in_hold.hold_id and purchase = 1
        ) then 'captured'
        else in_hold.state
    end;
end;
$$;

-- The answer that tells of a hold; one that lapsed and was captured late is told of as captured.
create function ledger.hold_answer_of(in_hold ledger.hold) returns ledger.hold_answer
language plpgsql stable as $$
declare
    late record;
begin
    if in_hold.state = 'lapsed' then
        select e.at, c.points, c.value into late
        from ledger.late_capture c
        join ledger.entry e on e.programme_id = c.programme_id and e.account_id = c.account_id and e.seq = c.seq
        where c.programme_id = in_hold.programme_id and c.hold_id = in_hold.hold_id and c.purchase = 1;
        if found then
            in_hold.state := 'captured';
            in_hold.ended_at := late.at;
            in_hold.captured_points := late.points;
            in_hold.captured_value := late.value;
        end if;
    end if;
    return row(
        'ok', null, null,
        in_hold.hold_id, in_hold.owner_id, in_hold.cart, in_hold.code_hash, in_hold.last_four, in_hold.points,
        in_hold.value, in_hold.created_at, in_hold.expires_at, in_hold.extensions, in_hold.state, in_hold.ended_at,
        in_hold.captured_points, in_hold.captured_value)::ledger.hold_answer;
end;
$$;

-- Keeps what may change later of an answer about a hold.
create function ledger.remember_hold(in_request bytea[], in_hold ledger.hold) returns void
language plpgsql as $$
begin
    perform ledger.remember(in_hold.programme_id, in_hold.owner_id, in_request, jsonb_strip_nulls(jsonb_build_object(
        'hold_id', in_hold.hold_id, 'expires_at', in_hold.expires_at, 'extensions', in_hold.extensions,
        'state', in_hold.state, 'ended_at', in_hold.ended_at,
        'captured_points', in_hold.captured_points, 'captured_value', in_hold.captured_value)));
end;
$$;

-- The answer of the first time, whatever has become of the hold since.
create function ledger.replayed_hold(in_programme int, in_status text, in_answer jsonb) returns ledger.hold_answer
language plpgsql stable as $$
declare
    kept ledger.hold;
begin
    if in_status <> 'ok' then
        return ledger.hold_refusal(in_status);
    end if;
    select * into kept from ledger.hold
    where programme_id = in_programme and hold_id = (in_answer ->> 'hold_id')::uuid;
    kept.expires_at := in_answer ->> 'expires_at';
    kept.extensions := in_answer ->> 'extensions';
    kept.state := in_answer ->> 'state';
    kept.ended_at := in_answer ->> 'ended_at';
    kept.captured_points := in_answer ->> 'captured_points';
    kept.captured_value := in_answer ->> 'captured_value';
    return ledger.hold_answer_of(kept);
end;
$$;
