-- The book of a gift card: how time and its functions move money.

-- A card's id as the source of an entry, as everybody else writes it.
create function ledger.card_name(in_card uuid) returns text
language sql immutable as $$
    select replace(in_card::text, '-', '')
$$;

-- What the clock alone causes on a card in (its newest entry, in_now], each at its own instant: a hold lapses at its
-- end, what is left of the card expires at its expiry. Held money outlives the card until the hold ends, as held points
-- do.
create type ledger.card_due as (
    seq bigint, kind text, at timestamptz, debit text, credit text, amount bigint, hold_id uuid);

create function ledger.card_due(in_card ledger.card, in_now timestamptz) returns setof ledger.card_due
language plpgsql stable rows 1 as $$
begin
    if in_card.held = 0 and (in_card.open = 0 or in_card.expires_at > in_now) then
        return;
    end if;
    return query
    with lapse as (
        select
            h.hold_id, h.expires_at as at, h.amount,
            case when h.expires_at < h.good_until then 'open' else 'expired' end as credit
        from ledger.card_hold h
        where h.programme_id = in_card.programme_id and h.card_id = in_card.card_id and h.state = 'held'
            and h.expires_at <= in_now
    ), fallen as (
        select 1 as rank, 'lapse' as kind, at, 'held' as debit, credit, amount, hold_id from lapse
        union all
        select
            2, 'expiry', in_card.expires_at, 'open', 'expired',
            in_card.open + (select coalesce(sum(amount), 0) from lapse where credit = 'open')::bigint, null
        where in_card.expires_at <= in_now
    )
    select
        in_card.last_seq + row_number() over (order by f.at, f.rank, f.hold_id), f.kind, f.at, f.debit, f.credit,
        f.amount, f.hold_id
    from fallen f
    where f.amount > 0
    order by 1;
end;
$$;

-- The figures of a card after what is due on it.
create function ledger.card_at(in_card ledger.card, in_now timestamptz) returns ledger.card
language plpgsql stable as $$
declare
    due ledger.card_due;
begin
    for due in select * from ledger.card_due(in_card, in_now) loop
        in_card := ledger.card_moved(in_card, due.at, due.debit, due.credit, due.amount);
    end loop;
    return in_card;
end;
$$;

create function ledger.card_moved(
    in_card ledger.card, in_at timestamptz, in_debit text, in_credit text, in_amount bigint) returns ledger.card
language plpgsql immutable as $$
begin
    in_card.last_seq := in_card.last_seq + 1;
    in_card.as_of := in_at;
    in_card.open := in_card.open + in_amount * ((in_credit = 'open')::int - (in_debit = 'open')::int);
    in_card.held := in_card.held + in_amount * ((in_credit = 'held')::int - (in_debit = 'held')::int);
    in_card.used := in_card.used + in_amount * ((in_credit = 'used')::int - (in_debit = 'used')::int);
    in_card.expired := in_card.expired + in_amount * (in_credit = 'expired')::int;
    in_card.void := in_card.void + in_amount * (in_credit = 'void')::int;
    return in_card;
end;
$$;

-- Locks a card and brings it to now. Its card_id is null if the programme has none such.
-- The instant of what the caller writes is greatest(now, its as_of).
create function ledger.enter_card(in_programme int, in_card uuid, in_now timestamptz) returns ledger.card
language plpgsql as $$
declare
    card ledger.card;
    due ledger.card_due;
begin
    select * into card from ledger.card c
    where c.programme_id = in_programme and c.card_id = in_card
    for no key update;
    for due in select * from ledger.card_due(card, greatest(in_now, card.as_of)) loop
        card := ledger.enter_on_card(card, due.kind, due.at, due.debit, due.credit, due.amount, due.hold_id);
        if due.kind = 'lapse' then
            update ledger.card_hold set state = 'lapsed', ended_at = due.at
            where programme_id = in_programme and hold_id = due.hold_id;
        end if;
    end loop;
    return card;
end;
$$;

-- Writes one entry of a locked card, and the card as it is then.
create function ledger.enter_on_card(
    in_card ledger.card, in_kind text, in_at timestamptz, in_debit text, in_credit text, in_amount bigint,
    in_hold uuid default null, in_source_type text default null, in_source_id text default null)
returns ledger.card
language plpgsql as $$
declare
    card ledger.card := ledger.card_moved(in_card, in_at, in_debit, in_credit, in_amount);
begin
    insert into ledger.card_entry (
        programme_id, card_id, seq, kind, at, debit, credit, amount, hold_id, source_type, source_id)
    values (
        card.programme_id, card.card_id, card.last_seq, in_kind, in_at, in_debit, in_credit, in_amount, in_hold,
        in_source_type, in_source_id);
    update ledger.card c
    set open = card.open, held = card.held, used = card.used, expired = card.expired, void = card.void,
        last_seq = card.last_seq, as_of = card.as_of, expires_at = card.expires_at
    where c.programme_id = card.programme_id and c.card_id = card.card_id;
    return card;
end;
$$;
