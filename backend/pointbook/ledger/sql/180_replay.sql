-- Looks up, under the account's lock, whether a request has had its effect. in_request: array[digest, input], or
-- null for calls that are idempotent by a natural key. status: null (not seen yet) | ok (replayed) | key_conflict

create function ledger.replay(in_programme int, in_request bytea[], out status text, out answer jsonb)
language plpgsql stable as $$
declare
    earlier ledger.idempotency;
begin
    if in_request is null then
        return;
    end if;
    select * into earlier from ledger.idempotency
    where programme_id = in_programme and request = in_request[1];
    if found then
        status := case when earlier.input = in_request[2] then 'ok' else 'key_conflict' end;
        answer := earlier.answer;
    end if;
end;
$$;

-- Keeps the answer of a request that had its effect, once.
create function ledger.remember(in_programme int, in_account bigint, in_request bytea[], in_answer jsonb) returns void
language plpgsql as $$
begin
    if in_request is not null then
        insert into ledger.idempotency (programme_id, request, input, account_id, answer)
        values (in_programme, in_request[1], in_request[2], in_account, in_answer);
    end if;
end;
$$;

-- The request that stands for the effect of a source, for ledger.replay and ledger.remember; null if there is no
-- in_of, what the effect is on. No caller's request is the same: those begin with who asks.
create function ledger.request_of_source(
    in_kind text, in_source_type text, in_source_id text, in_occurrence int, in_of text)
returns bytea[]
language sql stable as $$
    select array[
        sha256(convert_to(concat_ws(E'\x1f', in_kind, in_source_type, in_occurrence, in_source_id), 'UTF8')),
        sha256(convert_to(in_of, 'UTF8'))
    ]
    where in_of <> ''
$$;
