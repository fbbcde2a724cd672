"""The ledger: schema ``ledger`` with its tables, functions, walls between programmes and grants."""

from importlib import resources

from pointbook.db.migrations import steps

# Of ledger/sql, in this order.
FILES = [
    # tables
    "010_schema.sql",
    "020_account.sql",
    "030_entry.sql",
    "040_lot.sql",
    "050_transfer.sql",
    "060_hold.sql",
    "070_late_capture.sql",
    "080_card.sql",
    "090_idempotency.sql",
    # guards, time, and what every write has in common
    "110_immutability.sql",
    "120_guard.sql",
    "130_due.sql",
    "140_book_due.sql",
    "150_standing.sql",
    "160_enter.sql",
    "170_lock_all.sql",
    "180_replay.sql",
    "190_price.sql",
    "200_free_parts.sql",
    "210_hold_answer.sql",
    "220_end_hold.sql",
    # points
    "310_open.sql",
    "320_accrue.sql",
    "330_hold.sql",
    "340_extend.sql",
    "350_release.sql",
    "360_capture.sql",
    "370_adjust.sql",
    "380_spend.sql",
    "390_purchases.sql",
    "400_give_back.sql",
    "410_unspend.sql",
    "420_reversal.sql",
    "430_return_order.sql",
    "440_capture_late.sql",
    "450_merge.sql",
    "460_forfeit.sql",
    "470_sweep.sql",
    # gift cards
    "510_card_book.sql",
    "520_card_answer.sql",
    "530_buy_card.sql",
    "540_hold_card.sql",
    "550_use_card.sql",
    "560_refund_card.sql",
    "570_void_card.sql",
    "580_sweep_cards.sql",
    # reading
    "610_reading.sql",
    "620_quote.sql",
    "630_balance.sql",
    "640_expiring.sql",
    "650_history.sql",
    "660_holds.sql",
    "670_account_page.sql",
    "680_cards.sql",
    # what is wrong
    "710_ways.sql",
    "720_violations_of_entries.sql",
    "730_violations_of_lots.sql",
    "740_violations_of_holds.sql",
    "750_violations_of_accounts.sql",
    "760_violations_of_returns.sql",
    "770_violations_of_late_captures.sql",
    "780_violations_of_merges.sql",
    "790_violations_of_cards.sql",
    "800_violations.sql",
    # who may do what
    "910_row_security.sql",
    "920_grants.sql",
]


def create() -> None:
    directory = resources.files("pointbook.ledger") / "sql"
    for name in FILES:
        steps.execute_script((directory / name).read_text(encoding="utf-8"))
