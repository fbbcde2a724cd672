-- What was written stays: entries, transfers, late captures and ended holds are neither changed nor deleted, by nobody,
-- and no card is deleted. Grants are the first guard; these triggers are the second, for the owner of the tables too.

create function ledger.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'ledger.% is immutable: % refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end;
$$;

create trigger entry_immutable before update or delete or truncate on ledger.entry
for each statement execute function ledger.refuse_change();

create trigger transfer_immutable before update or delete or truncate on ledger.transfer
for each statement execute function ledger.refuse_change();

create trigger hold_ends_once before update on ledger.hold
for each row when (old.state <> 'held') execute function ledger.refuse_change();

create trigger hold_kept before delete or truncate on ledger.hold
for each statement execute function ledger.refuse_change();

create trigger late_capture_immutable before update or delete or truncate on ledger.late_capture
for each statement execute function ledger.refuse_change();

create trigger card_kept before delete or truncate on ledger.card
for each statement execute function ledger.refuse_change();

create trigger card_entry_immutable before update or delete or truncate on ledger.card_entry
for each statement execute function ledger.refuse_change();

create trigger card_hold_ends_once before update on ledger.card_hold
for each row when (old.state <> 'held') execute function ledger.refuse_change();

create trigger card_hold_kept before delete or truncate on ledger.card_hold
for each statement execute function ledger.refuse_change();
