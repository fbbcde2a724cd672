-- Money of a card set aside for a checkout, until it is used or released, or the hold lapses at its end.

-- status: ok | key_conflict | clock_ahead | no_card | void | expired | overdrawn (available)
-- Locks the card.
create function ledger.hold_card(
    in_programme int, in_card uuid, in_hold uuid, in_amount bigint, in_lifetime interval, in_request bytea[],
    in_now timestamptz)
returns ledger.card_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    begun record;
    card ledger.card;
    answer ledger.card_answer;
    at timestamptz;
begin
    begun := ledger.begin_on_card(in_programme, in_card, in_request, in_now);
    card := begun.card;
    answer := begun.answer;
    if answer.status is not null then
        return answer;
    elsif in_amount > card.open then
        return ledger.card_refusal(ledger.why_card_is_short(card, in_now), card.open);
    end if;

    at := greatest(in_now, card.as_of);
    card := ledger.enter_on_card(card, 'hold', at, 'open', 'held', in_amount, in_hold);
    insert into ledger.card_hold (programme_id, hold_id, card_id, amount, created_at, expires_at, good_until)
    values (in_programme, in_hold, in_card, in_amount, at, at + in_lifetime, card.expires_at);
    answer := ledger.card_answer_of(card, in_amount, in_hold, at + in_lifetime);
    perform ledger.remember_card(in_programme, in_request, answer);
    return answer;
end;
$$;

create function ledger.why_card_is_short(in_card ledger.card, in_now timestamptz) returns text
language plpgsql stable as $$
begin
    return case
        when in_card.void > 0 then 'void'
        when in_card.expires_at <= greatest(in_now, in_card.as_of) then 'expired'
        else 'overdrawn'
    end;
end;
$$;

-- Gives what a hold set aside back to its card, or lets it expire with it.
-- status: ok | key_conflict | clock_ahead | no_card | no_hold | used | released | lapsed
-- Locks the card.
create function ledger.release_card(
    in_programme int, in_card uuid, in_hold uuid, in_request bytea[], in_now timestamptz)
returns ledger.card_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    begun record;
    card ledger.card;
    hold ledger.card_hold;
    answer ledger.card_answer;
begin
    begun := ledger.begin_on_card(in_programme, in_card, in_request, in_now);
    card := begun.card;
    answer := begun.answer;
    if answer.status is not null then
        return answer;
    end if;
    hold := ledger.card_hold_of(card, in_hold);
    if hold.hold_id is null then
        return ledger.card_refusal('no_hold');
    elsif hold.state <> 'held' then
        return ledger.card_refusal(hold.state);
    end if;

    card := ledger.end_card_hold(card, hold, 'released', null, greatest(in_now, card.as_of));
    answer := ledger.card_answer_of(card, hold.amount, in_hold, hold.expires_at);
    perform ledger.remember_card(in_programme, in_request, answer);
    return answer;
end;
$$;

create function ledger.card_hold_of(in_card ledger.card, in_hold uuid) returns ledger.card_hold
language plpgsql stable as $$
declare
    hold ledger.card_hold;
begin
    select * into hold from ledger.card_hold h
    where h.programme_id = in_card.programme_id and h.hold_id = in_hold and h.card_id = in_card.card_id;
    return hold;
end;
$$;

-- Ends an open hold of a locked card as in_state; what in_used (null = nothing) leaves of it is open again, or expires
-- at once if the card has expired.
create function ledger.end_card_hold(
    in_card ledger.card, in_hold ledger.card_hold, in_state text, in_used bigint, in_at timestamptz)
returns ledger.card
language plpgsql as $$
declare
    rest bigint := in_hold.amount - coalesce(in_used, 0);
begin
    update ledger.card_hold set state = in_state, ended_at = in_at, used_amount = in_used
    where programme_id = in_hold.programme_id and hold_id = in_hold.hold_id;
    if rest > 0 then
        in_card := ledger.enter_on_card(
            in_card, 'release', in_at, 'held',
            case when in_hold.good_until > in_at then 'open' else 'expired' end, rest, in_hold.hold_id);
    end if;
    return in_card;
end;
$$;
