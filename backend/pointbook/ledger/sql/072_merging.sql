-- Merging: of two accounts one goes on. The source's lots and open holds become the target's; its entries stay where they
-- are. A merge_in names the merge_out of the other account, and moves the same points.

alter table ledger.entry
    drop constraint entry_kind_check,
    drop constraint entry_of_check,
    add constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal', 'late_capture', 'spend', 'merge_out', 'merge_in'
    )),
    add constraint entry_of_check check (
        (of_seq is not null) = (kind in ('give_back', 'reversal', 'merge_in'))
        and num_nulls(of_account_id, of_seq) in (0, 2)
    );

-- Points in no lot: those by which a debt grows, those of them that a return gives back, and a debt that moves.
alter table ledger.transfer
    drop constraint transfer_lot_check,
    add constraint transfer_lot_check check (
        lot_id is not null or debit in ('debt', 'redeemed') or debit = 'moved' and credit = 'debt'
    );

create index account_merged on ledger.account (programme_id, merged_into) where merged_into is not null;
