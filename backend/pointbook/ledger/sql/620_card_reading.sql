-- What is told of gift cards. Amounts in minor units; expires_at null = never. Reads write nothing: figures are stored + due.

-- seq: of the entry that the call has made, if any. hold: of a call that made or ended one. replayed: the request had had
-- its effect before.
create type ledger.card_answer as (
    status text, available bigint, card_id uuid, account_id bigint, spend_seq bigint, code_hash bytea, last_four text,
    currency text, face bigint, open bigint, held bigint, used bigint, expired bigint, void bigint, issued_at timestamptz,
    issued_until timestamptz, expires_at timestamptz, seq bigint, amount bigint, hold_id uuid, hold_expires_at timestamptz, replayed boolean);

create function ledger.card_answer_of(
    in_card ledger.card, in_amount bigint default null, in_hold uuid default null,
    in_hold_expires_at timestamptz default null, in_replayed boolean default false)
returns ledger.card_answer
language plpgsql stable as $$
begin
    return row(
        'ok', in_card.open, in_card.card_id, in_card.account_id, in_card.spend_seq, in_card.code_hash,
        in_card.last_four, in_card.currency, in_card.face, in_card.open, in_card.held, in_card.used, in_card.expired, in_card.void,
        in_card.issued_at, nullif(in_card.issued_until, 'infinity'), nullif(in_card.expires_at, 'infinity'), in_card.last_seq, in_amount, in_hold,
        in_hold_expires_at, in_replayed)::ledger.card_answer;
end;
$$;

create function ledger.card_refusal(in_status text, in_available bigint default null) returns ledger.card_answer
language plpgsql immutable as $$
declare
    answer ledger.card_answer;
begin
    answer.status := in_status;
    answer.available := in_available;
    return answer;
end;
$$;

-- What a request that had its effect was answered, or that its input was another; null: not seen yet.
create function ledger.replayed_card(in_programme int, in_request bytea[]) returns ledger.card_answer
language plpgsql stable as $$
declare
    earlier record := ledger.replay(in_programme, in_request);
    answer ledger.card_answer;
begin
    if earlier.status = 'key_conflict' then
        return ledger.card_refusal('key_conflict');
    elsif earlier.status = 'ok' then
        answer := jsonb_populate_record(answer, earlier.answer);
        answer.replayed := true;
    end if;
    return answer;
end;
$$;

-- The beginning of every write to one card: guard, clock, lock, bring the card to now, look the request up. An answer with a
-- status is the caller's, at once.
create function ledger.begin_on_card(
    in_programme int, in_card uuid, in_request bytea[], in_now timestamptz, out card ledger.card,
    out answer ledger.card_answer)
language plpgsql as $$
begin
    perform ledger.guard(in_programme);
    if ledger.clock_ahead(in_programme, in_now) then
        answer := ledger.card_refusal('clock_ahead');
        return;
    end if;
    card := ledger.enter_card(in_programme, in_card, in_now);
    if card.card_id is null then
        answer := ledger.card_refusal('no_card');
    else
        answer := ledger.replayed_card(in_programme, in_request);
    end if;
end;
$$;

create function ledger.remember_card(in_programme int, in_request bytea[], in_answer ledger.card_answer) returns void
language plpgsql as $$
begin
    perform ledger.remember(in_programme, in_answer.account_id, in_request, to_jsonb(in_answer));
end;
$$;

-- Cards by id, those that there are, in the order of the ids.
create function ledger.cards(in_programme int, in_cards uuid[], in_now timestamptz) returns setof ledger.card_answer
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    card ledger.card;
begin
    perform ledger.guard(in_programme);
    for card in
        select c.* from unnest(in_cards) with ordinality as asked (card_id, number)
        join ledger.card c on c.programme_id = in_programme and c.card_id = asked.card_id
        order by asked.number
    loop
        return next ledger.card_answer_of(ledger.card_at(card, greatest(in_now, card.as_of)));
    end loop;
end;
$$;

-- One row, or none if no card has this code.
create function ledger.card_of_code(in_programme int, in_code_hash bytea, in_now timestamptz)
returns setof ledger.card_answer
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
begin
    perform ledger.guard(in_programme);
    return query
    select a.* from ledger.cards(in_programme, array(
        select card_id from ledger.card where programme_id = in_programme and code_hash = in_code_hash), in_now) as a;
end;
$$;

-- The entries of a card, newest first, those due and not booked included, with numbers below in_before.
-- effect = on the money that is open, held = on what is held.
create function ledger.card_history(
    in_programme int, in_card uuid, in_now timestamptz, in_first int, in_before bigint)
returns table (
    seq bigint, kind text, at timestamptz, amount bigint, effect bigint, held bigint, hold_id uuid, source_type text,
    source_id text)
language plpgsql stable security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    card ledger.card;
begin
    perform ledger.guard(in_programme);
    select * into card from ledger.card c where c.programme_id = in_programme and c.card_id = in_card;
    return query
    select
        e.seq, e.kind, e.at, e.amount, e.amount * ((e.credit = 'open')::int - (e.debit = 'open')::int),
        e.amount * ((e.credit = 'held')::int - (e.debit = 'held')::int), e.hold_id, e.source_type, e.source_id
    from (
        select d.seq, d.kind, d.at, d.debit, d.credit, d.amount, d.hold_id, null::text as source_type, null::text as source_id
        from ledger.card_due(card, greatest(in_now, card.as_of)) as d
        union all
        select c.seq, c.kind, c.at, c.debit, c.credit, c.amount, c.hold_id, c.source_type, c.source_id
        from ledger.card_entry c
        where c.programme_id = in_programme and c.card_id = in_card
    ) as e
    where in_before is null or e.seq < in_before
    order by e.seq desc
    limit in_first;
end;
$$;
