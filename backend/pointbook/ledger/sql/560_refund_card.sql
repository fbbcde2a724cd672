-- Puts money back onto the card that paid it: at most what it paid, of the source where one is named. A card that has
-- expired meanwhile is good for what is refunded until in_grace_expires_at; where that is null or not in the future it
-- expires at once.
-- status: ok | key_conflict | clock_ahead | no_card | exceeds (available)
-- Locks the card.

create function ledger.refund_card(
    in_programme int, in_card uuid, in_amount bigint, in_source_type text, in_source_id text,
    in_grace_expires_at timestamptz, in_request bytea[], in_now timestamptz)
returns ledger.card_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    begun record;
    card ledger.card;
    answer ledger.card_answer;
    at timestamptz;
    left_of_it bigint;
begin
    begun := ledger.begin_on_card(in_programme, in_card, in_request, in_now);
    card := begun.card;
    answer := begun.answer;
    if answer.status is not null then
        return answer;
    end if;
    left_of_it := (
        select coalesce(sum(case e.kind when 'use' then e.amount else -e.amount end), 0)
        from ledger.card_entry e
        where e.programme_id = in_programme and e.card_id = in_card and e.kind in ('use', 'refund')
            and (e.source_type, e.source_id) is not distinct from (in_source_type, in_source_id)
    );
    if in_amount > left_of_it then
        return ledger.card_refusal('exceeds', left_of_it);
    end if;

    at := greatest(in_now, card.as_of);
    if card.expires_at <= at and in_grace_expires_at > at then
        card.expires_at := in_grace_expires_at;
    end if;
    card := ledger.enter_on_card(
        card, 'refund', at, 'used', case when card.expires_at > at then 'open' else 'expired' end, in_amount, null,
        in_source_type, in_source_id);
    answer := ledger.card_answer_of(card, in_amount);
    perform ledger.remember_card(in_programme, in_request, answer);
    return answer;
end;
$$;
