-- Voids a card of which nothing is used, held or expired, and gives the points that bought it back (R27, R29).
-- Again: nothing.
-- status: ok | clock_ahead | no_card | no_account (its member has left) | not_unused
-- Locks the account, then the card.

create function ledger.void_card(
    in_programme int, in_card uuid, in_grace_expires_at timestamptz, in_now timestamptz,
    out status text, out given ledger.given_back, out answer ledger.card_answer)
language plpgsql security definer set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan as $$
declare
    card ledger.card;
    account ledger.entered;
    given_back record;
begin
    perform ledger.guard(in_programme);
    select c.* into card from ledger.card c where c.programme_id = in_programme and c.card_id = in_card;
    if not found then
        status := 'no_card';
        return;
    end if;
    account := ledger.enter(in_programme, card.account_id, in_now);
    status := account.status;
    if status <> 'ok' then
        return;
    end if;
    card := ledger.enter_card(in_programme, in_card, in_now);
    if card.void = 0 and card.open < card.face then
        status := 'not_unused';
        return;
    end if;
    given_back := ledger.unspend(
        in_programme, 'gift_card', ledger.card_name(in_card), in_grace_expires_at, 'gift_card_void',
        ledger.card_name(in_card), in_now);
    given := given_back.given;
    answer.replayed := card.void > 0;
    if not answer.replayed then
        card := ledger.enter_on_card(card, 'void', greatest(in_now, card.as_of), 'open', 'void', card.face);
    end if;
    answer := ledger.card_answer_of(card, card.face, in_replayed => answer.replayed);
end;
$$;
