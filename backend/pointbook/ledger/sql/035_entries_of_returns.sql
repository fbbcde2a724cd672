-- Entries that a return makes name the entry whose effect they take back: a give_back the capture, a reversal the
-- accrual. Summed over those that name it, no entry is taken back by more than it moved (I6).

alter table ledger.entry
    add of_account_id bigint,  -- with of_seq: the entry that is taken back, in part or whole
    add of_seq bigint,
    drop constraint entry_kind_check,
    drop constraint entry_hold_check,
    add constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal'
    )),
    add constraint entry_hold_check check (
        (hold_id is not null) = (kind in ('hold', 'extend', 'capture', 'release', 'lapse', 'give_back'))
    ),
    add constraint entry_of_check check (
        (of_seq is not null) = (kind in ('give_back', 'reversal')) and num_nulls(of_account_id, of_seq) in (0, 2)
    );

create index entry_of on ledger.entry (programme_id, of_account_id, of_seq) where of_seq is not null;
