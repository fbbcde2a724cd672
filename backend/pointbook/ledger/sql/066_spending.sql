-- Spending at once, without a hold: points buy a gift card or an exchange at a fixed price. The source of a spend says what
-- was bought; all of it may be given back, once, when that is undone.

alter table ledger.entry
    drop constraint entry_kind_check,
    drop constraint entry_hold_check,
    drop constraint entry_of_check,
    add constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal', 'late_capture', 'spend'
    )),
    add constraint entry_hold_check check (
        kind = 'give_back'  -- of a voucher, or of a spend
        or (hold_id is not null) = (kind in ('hold', 'extend', 'capture', 'release', 'lapse', 'late_capture'))
    ),
    add constraint entry_of_check check (
        (of_seq is not null) = (kind in ('give_back', 'reversal')) and num_nulls(of_account_id, of_seq) in (0, 2)
    ),
    add constraint entry_spend_check check (kind <> 'spend' or source_type is not null);
