-- Pays with a card: from what a hold set aside (the rest of it is given back), or, without one, from what is open.
-- in_amount null = all that the hold has. in_source_…: what it paid, may be null.
-- status: ok | key_conflict | clock_ahead | no_card | void | expired | overdrawn (available) | no_hold | used |
-- released | lapsed
-- Locks the card.

create function ledger.use_card(
    in_programme int, in_card uuid, in_amount bigint, in_hold uuid, in_source_type text, in_source_id text,
    in_request bytea[], in_now timestamptz)
returns ledger.card_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    begun record;
    card ledger.card;
    hold ledger.card_hold;
    answer ledger.card_answer;
    at timestamptz;
    amount bigint := in_amount;
begin
    begun := ledger.begin_on_card(in_programme, in_card, in_request, in_now);
    card := begun.card;
    answer := begun.answer;
    if answer.status is not null then
        return answer;
    end if;
    if in_hold is not null then
        hold := ledger.card_hold_of(card, in_hold);
        amount := coalesce(in_amount, hold.amount);
        if hold.hold_id is null then
            return ledger.card_refusal('no_hold');
        elsif hold.state <> 'held' then
            return ledger.card_refusal(hold.state);
        elsif amount > hold.amount then
            return ledger.card_refusal('overdrawn', hold.amount);
        end if;
    elsif amount > card.open then
        return ledger.card_refusal(ledger.why_card_is_short(card, in_now), card.open);
    end if;

    at := greatest(in_now, card.as_of);
    card := ledger.enter_on_card(
        card, 'use', at, case when in_hold is null then 'open' else 'held' end, 'used', amount, in_hold,
        in_source_type, in_source_id);
    if in_hold is not null then
        card := ledger.end_card_hold(card, hold, 'used', amount, at);
    end if;
    answer := ledger.card_answer_of(card, amount, in_hold, hold.expires_at);
    perform ledger.remember_card(in_programme, in_request, answer);
    return answer;
end;
$$;
