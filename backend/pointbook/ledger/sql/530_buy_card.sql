-- Buys a gift card with points of an account, in one: the points are spent and the card is issued, or neither.
-- in_face minor units; in_expires_at null = never. The same request again: the card as it was issued.
-- status: ok | key_conflict | no_account | clock_ahead | inactive | locked | insufficient (available)
-- Locks the account.

create function ledger.buy_card(
    in_programme int, in_account bigint, in_points bigint, in_card uuid, in_currency text, in_face bigint,
    in_expires_at timestamptz, in_code_hash bytea, in_last_four text, in_request bytea[], in_now timestamptz)
returns ledger.card_answer
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    spent record;
    at timestamptz;
    ends timestamptz;
    card ledger.card;
begin
    perform ledger.guard(in_programme);
    if in_expires_at <= in_now then
        raise exception 'a card that nobody could use';
    end if;
    spent := ledger.spend(
        in_programme, in_account, in_points, 'gift_card', ledger.card_name(in_card), in_request, in_now);
    if spent.status <> 'ok' then
        return ledger.card_refusal(spent.status, spent.available);
    elsif spent.replayed then
        select c.* into card from ledger.card c
        where c.programme_id = in_programme and c.account_id = spent.account_id and c.spend_seq = spent.seq;
        card.open := card.face;
        card.held := 0;
        card.used := 0;
        card.expired := 0;
        card.void := 0;
        card.last_seq := 1;
        card.expires_at := card.issued_until;
        return ledger.card_answer_of(card, card.face, in_replayed => true);
    end if;

    at := (
        select e.at from ledger.entry e
        where e.programme_id = in_programme and e.account_id = spent.account_id and e.seq = spent.seq
    );
    ends := case
        when in_expires_at is null then 'infinity'
        when in_expires_at > at then in_expires_at
        else at + (in_expires_at - in_now)  -- under a clock that was set back it lives as long as it was to
    end;
    insert into ledger.card (
        programme_id, card_id, account_id, spend_seq, code_hash, last_four, currency, face, open, issued_at, issued_until,
        expires_at, last_seq, as_of)
    values (
        in_programme, in_card, spent.account_id, spent.seq, in_code_hash, in_last_four, in_currency, in_face, in_face, at,
        ends, ends, 1, at)
    returning * into card;
    insert into ledger.card_entry (programme_id, card_id, seq, kind, at, debit, credit, amount)
    values (in_programme, in_card, 1, 'issue', at, 'issued', 'open', in_face);
    return ledger.card_answer_of(card, card.face);
end;
$$;
