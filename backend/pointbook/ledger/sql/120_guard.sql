-- The way in: every function of the ledger passes here first. Sets the programme for the transaction; a second
-- programme in one transaction is a defect and raises.

create function ledger.guard(in_programme int) returns void
language plpgsql as $$
declare
    current_programme text := nullif(current_setting('app.programme', true), '');
begin
    if current_programme is null then
        perform set_config('app.programme', in_programme::text, true);
    elsif current_programme::int <> in_programme then
        raise exception 'programme % inside a transaction of programme %', in_programme, current_programme;
    end if;
end;
$$;

-- Whether the caller's clock is ahead of the database's by more than 5 s. One call with such a clock would expire
-- points for good. A sandbox programme has a clock of its own.
create function ledger.clock_ahead(in_programme int, in_now timestamptz) returns boolean
language plpgsql stable as $$
begin
    if in_now <= clock_timestamp() + interval '5 s' then
        return false;
    end if;
    return not exists (select from ledger.programme where programme_id = in_programme and sandbox);
end;
$$;
