-- Leaving: whatever a member has is forfeited, and the account neither earns, spends nor owes for good (R34).

alter table ledger.account
    add left_at timestamptz,  -- when it was forfeited; no write reaches it any more
    add constraint account_left_check check (
        left_at is null or not may_earn and not may_spend and debt = 0 and merged_into is null
    );

alter table ledger.entry
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind in (
        'accrual', 'hold', 'extend', 'capture', 'release', 'lapse', 'expiry', 'settle', 'adjust', 'give_back',
        'reversal', 'late_capture', 'spend', 'merge_out', 'merge_in', 'forfeit'
    ));

-- Points in no lot: those by which a debt grows, those of them that a return gives back, a debt that moves, and one that
-- ends without being paid.
alter table ledger.transfer
    drop constraint transfer_lot_check,
    add constraint transfer_lot_check check (
        lot_id is not null or debit in ('debt', 'redeemed', 'forfeited') or debit = 'moved' and credit = 'debt'
    );
