-- A hold that lapsed and was captured late answers as captured: that is what has become of its voucher.

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

create or replace function ledger.hold_answer_of(in_hold ledger.hold) returns ledger.hold_answer
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
