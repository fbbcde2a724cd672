-- A programme sees its own rows and no others, whoever asks, the owner of the tables included.
-- Without app.programme there are none. The application may read; only functions write.

do $$
declare
    name text;
begin
    foreach name in array array[
        'programme', 'account', 'entry', 'transfer', 'lot', 'hold', 'late_capture', 'card', 'card_entry', 'card_hold',
        'idempotency'
    ] loop
        execute format('alter table ledger.%I enable row level security', name);
        execute format('alter table ledger.%I force row level security', name);
        execute format(
            'create policy tenant on ledger.%I using '
            || '(programme_id = nullif(current_setting(''app.programme'', true), '''')::int)', name);
        execute format('revoke all on ledger.%I from public', name);
        execute format('grant select on ledger.%I to pointbook_app', name);
    end loop;
end;
$$;
