-- What the functions about gift cards answer. Amounts in minor units; expires_at null = never.

-- seq: of the entry that the call has made, if any. hold: of a call that made or ended one. replayed: the request had
-- had its effect before.
create type ledger.card_answer as (
    status text, available bigint, card_id uuid, account_id bigint, spend_seq bigint, code_hash bytea, last_four text,
    currency text, face bigint, open bigint, held bigint, used bigint, expired bigint, void bigint,
    issued_at timestamptz, issued_until timestamptz, expires_at timestamptz, seq bigint, amount bigint, hold_id uuid,
    hold_expires_at timestamptz, replayed boolean);

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

create function ledger.remember_card(in_programme int, in_request bytea[], in_answer ledger.card_answer) returns void
language plpgsql as $$
begin
    perform ledger.remember(in_programme, in_answer.account_id, in_request, to_jsonb(in_answer));
end;
$$;

-- The beginning of every write to one card: guard, clock, lock, bring the card to now, look the request up. An answer
-- with a status is the caller's, at once.
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
