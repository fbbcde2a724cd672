-- All violations, one row each, and how much there was to look at. account_id is null where no account, or the whole
-- programme, is meant.

create view ledger.violations as
select * from ledger.entry_violations
union all
select * from ledger.lot_violations
union all
select * from ledger.hold_violations
union all
select * from ledger.account_violations
union all
select * from ledger.return_violations
union all
select * from ledger.late_capture_violations
union all
select * from ledger.card_violations
union all
select * from ledger.merge_violations;

create function ledger.violations_of(in_programme int)
returns table (account_id bigint, violation text, detail text)
language plpgsql stable security definer set search_path = ledger, pg_temp
set jit = off set enable_nestloop = off  -- the whole programme is read: good plans without statistics too
as $$
#variable_conflict use_column
begin
    perform ledger.guard(in_programme);
    return query
    select v.account_id, v.violation, v.detail from ledger.violations v
    where v.programme_id = in_programme
    order by v.account_id, v.violation, v.detail;
end;
$$;

create function ledger.extent(in_programme int, out accounts bigint, out entries bigint)
language plpgsql stable security definer set search_path = ledger, pg_temp as $$
begin
    perform ledger.guard(in_programme);
    accounts := (select count(*) from ledger.account where programme_id = in_programme);
    entries := (select count(*) from ledger.entry where programme_id = in_programme);
end;
$$;

-- How many cards a programme has, and what is still good of them: open or held, in minor units. Only what is booked.
create function ledger.extent_of_cards(in_programme int, out cards bigint, out outstanding bigint)
language plpgsql stable security definer set search_path = ledger, pg_temp as $$
begin
    perform ledger.guard(in_programme);
    select count(*), coalesce(sum(c.open + c.held), 0) into cards, outstanding
    from ledger.card c
    where c.programme_id = in_programme;
end;
$$;
