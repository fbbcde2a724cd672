-- Gift cards, and the entries of one, as they are at in_now. A read writes nothing: figures are stored + due.

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
