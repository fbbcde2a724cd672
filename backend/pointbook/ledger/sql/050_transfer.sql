-- Transfers: the lines of an entry. Points move from debit to credit, so every line is balanced by construction.
-- Accounts of the member: open, held, debt. Of the programme: all others. The balance of a ledger account is its
-- credits less its debits; only debt is counted the other way round.

create table ledger.transfer (
    programme_id int not null,
    account_id bigint not null,
    seq bigint not null,
    line int not null,
    debit text not null,
    credit text not null,
    lot_id bigint,
    points bigint not null,
    primary key (programme_id, account_id, seq, line),
    constraint transfer_line_check check (line > 0),
    constraint transfer_points_check check (points > 0),
    constraint transfer_debit_check check (debit in (
        'open', 'held', 'debt', 'issued', 'redeemed', 'expired', 'reversed', 'forfeited', 'adjusted', 'moved'
    )),
    constraint transfer_credit_check check (credit in (
        'open', 'held', 'debt', 'issued', 'redeemed', 'expired', 'reversed', 'forfeited', 'adjusted', 'moved'
    )),
    constraint transfer_pair_check check (debit <> credit),
    -- Points in no lot: those by which a debt grows, those of them that a return gives back, a debt that moves, and one
    -- that ends without being paid.
    constraint transfer_lot_check check (
        lot_id is not null or debit in ('debt', 'redeemed', 'forfeited') or debit = 'moved' and credit = 'debt'
    )
);
