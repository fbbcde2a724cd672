-- The ways that points may take in an entry of each kind. A new kind adds its own by replacing this view.

create view ledger.way (kind, debit, credit) as
values
    ('accrual', 'issued', 'open'),
    ('hold', 'open', 'held'),
    ('capture', 'held', 'redeemed'), ('capture', 'held', 'open'), ('capture', 'held', 'expired'),
    ('release', 'held', 'open'), ('release', 'held', 'expired'),
    ('lapse', 'held', 'open'), ('lapse', 'held', 'expired'),
    ('expiry', 'open', 'expired'),
    ('settle', 'open', 'debt'),
    ('adjust', 'adjusted', 'open'), ('adjust', 'open', 'adjusted'), ('adjust', 'debt', 'adjusted'),
    ('late_capture', 'expired', 'redeemed'), ('late_capture', 'open', 'redeemed'),
    ('late_capture', 'debt', 'redeemed'),
    ('spend', 'open', 'redeemed'),
    ('give_back', 'redeemed', 'open'), ('give_back', 'redeemed', 'expired'), ('give_back', 'redeemed', 'debt'),
    ('give_back', 'redeemed', 'moved'), ('give_back', 'moved', 'open'),
    ('reversal', 'open', 'reversed'), ('reversal', 'expired', 'reversed'), ('reversal', 'debt', 'reversed'),
    ('merge_out', 'open', 'moved'), ('merge_out', 'held', 'moved'), ('merge_out', 'moved', 'debt'),
    ('merge_in', 'moved', 'open'), ('merge_in', 'moved', 'held'), ('merge_in', 'debt', 'moved'),
    ('forfeit', 'open', 'forfeited'), ('forfeit', 'forfeited', 'debt');
