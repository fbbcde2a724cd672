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
    ('give_back', 'redeemed', 'open'), ('give_back', 'redeemed', 'expired'),
    ('give_back', 'redeemed', 'moved'), ('give_back', 'moved', 'open'),
    ('reversal', 'open', 'reversed'), ('reversal', 'expired', 'reversed'), ('reversal', 'debt', 'reversed');
