"""Events of what the ledger does, also where the clock alone causes it: told by triggers, if anybody subscribed.

The ledger knows nothing of webhooks; what stands here watches its tables. A row is written to the outbox only for
an event that an active subscription asks for, in the transaction of what it tells.
"""

from pointbook.db.migrations import steps


def create() -> None:
    for script in (ASKING, HOLDS, CARD_HOLDS, LINES, GRANTS):
        steps.execute_script(script)


ASKING = """
-- Whether an active webhook subscription of the programme, in which the transaction is, wants one of these events.
create function public.has_subscriber(in_programme int, variadic in_events text[]) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from public.webhook_subscription
        where programme_id = in_programme and state = 'ACTIVE' and (events is null or events && in_events)
    );
end;
$$;

-- An instant as it stands in payloads.
create function public.utc_text(in_at timestamptz) returns text
language sql immutable as $$
    select (to_json(in_at at time zone 'UTC') #>> '{}') || '+00:00'
$$;
"""

HOLDS = """
-- The event is the trigger's argument. Its instant: when the hold ended, else that of the account's newest entry.
create function public.tell_of_hold() returns trigger
language plpgsql as $$
begin
    if public.has_subscriber(new.programme_id, tg_argv[0]) then
        insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
        select
            new.programme_id, tg_argv[0],
            jsonb_build_object(
                'redemption', replace(new.hold_id::text, '-', ''),
                'account', replace(owner.public_id::text, '-', ''),
                'points', new.points, 'value', new.value, 'currency', programme.currency,
                'expiresAt', public.utc_text(new.expires_at)),
            coalesce(new.ended_at, newest.at), now()
        from ledger.account as owner
        join public.programme on programme.id = owner.programme_id
        cross join lateral (
            select at from ledger.entry
            where programme_id = new.programme_id and account_id = new.owner_id
            order by seq desc limit 1
        ) as newest
        where owner.programme_id = new.programme_id and owner.account_id = new.owner_id;
    end if;
    return null;
end;
$$;

create trigger tells_held after insert on ledger.hold
for each row execute function public.tell_of_hold('redemption.held');
create trigger tells_extended after update on ledger.hold
for each row when (new.extensions > old.extensions) execute function public.tell_of_hold('redemption.extended');
create trigger tells_released after update on ledger.hold
for each row when (old.state = 'held' and new.state = 'released')
execute function public.tell_of_hold('redemption.released');
create trigger tells_lapsed after update on ledger.hold
for each row when (old.state = 'held' and new.state = 'lapsed')
execute function public.tell_of_hold('redemption.lapsed');
"""

CARD_HOLDS = """
create function public.tell_of_card_hold() returns trigger
language plpgsql as $$
begin
    if public.has_subscriber(new.programme_id, tg_argv[0]) then
        insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
        values (
            new.programme_id, tg_argv[0],
            jsonb_build_object(
                'giftCard', replace(new.card_id::text, '-', ''),
                'hold', replace(new.hold_id::text, '-', ''),
                'amount', new.amount, 'expiresAt', public.utc_text(new.expires_at)),
            coalesce(new.ended_at, new.created_at), now());
    end if;
    return null;
end;
$$;

create trigger tells_held after insert on ledger.card_hold
for each row execute function public.tell_of_card_hold('gift_card.held');
create trigger tells_released after update on ledger.card_hold
for each row when (old.state = 'held' and new.state = 'released')
execute function public.tell_of_card_hold('gift_card.released');
create trigger tells_lapsed after update on ledger.card_hold
for each row when (old.state = 'held' and new.state = 'lapsed')
execute function public.tell_of_card_hold('gift_card.lapsed');
"""

LINES = """
-- Points that expired, or paid a debt: the lines of an entry together. For a whole statement, because a sweep
-- books thousands of entries in one.
create function public.tell_of_lines() returns trigger
language plpgsql as $$
declare
    in_programme int := nullif(current_setting('app.programme', true), '')::int;
begin
    if public.has_subscriber(in_programme, 'points.expired', 'points.settled') then
        insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
        select
            in_programme, lines.event,
            jsonb_build_object(
                'account', owner.name, 'entry', owner.name || '-' || lines.seq, 'points', lines.points,
                'at', public.utc_text(entry.at)),
            entry.at, now()
        from (
            select
                account_id, seq, sum(points) as points,
                case credit when 'expired' then 'points.expired' else 'points.settled' end as event
            from written
            where credit = 'expired' or debit = 'open' and credit = 'debt'
            group by account_id, seq, credit
        ) as lines
        cross join lateral (
            select at from ledger.entry
            where programme_id = in_programme and account_id = lines.account_id and seq = lines.seq
        ) as entry
        cross join lateral (
            select replace(public_id::text, '-', '') as name from ledger.account
            where programme_id = in_programme and account_id = lines.account_id
        ) as owner
        where public.has_subscriber(in_programme, lines.event)
        order by entry.at, lines.account_id, lines.seq;
    end if;
    return null;
end;
$$;

create trigger tells_of_lines after insert on ledger.transfer referencing new table as written
for each statement execute function public.tell_of_lines();

create function public.tell_of_card_expiry() returns trigger
language plpgsql as $$
begin
    if public.has_subscriber(new.programme_id, tg_argv[0]) then
        insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
        values (
            new.programme_id, tg_argv[0],
            jsonb_build_object(
                'giftCard', replace(new.card_id::text, '-', ''), 'amount', new.amount, 'at', public.utc_text(new.at)),
            new.at, now());
    end if;
    return null;
end;
$$;

create trigger tells_expired after insert on ledger.card_entry
for each row when (new.credit = 'expired') execute function public.tell_of_card_expiry('gift_card.expired');
"""

GRANTS = """
do $$
declare
    name text;
begin
    foreach name in array array[
        'has_subscriber(int, text[])', 'utc_text(timestamptz)', 'tell_of_hold()', 'tell_of_card_hold()',
        'tell_of_lines()', 'tell_of_card_expiry()'
    ] loop
        execute 'revoke all on function public.' || name || ' from public';
    end loop;
end;
$$;
grant execute on function public.has_subscriber(int, text[]) to pointbook_app;
"""
