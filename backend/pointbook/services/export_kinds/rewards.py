"""What points bought."""

from typing import Final

from pointbook.domain import currencies
from pointbook.domain.money import format_scaled
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_shapes import Kind, Line, all_of, ids_of, json_of, money_of


def _entry_id(line: Line, _programme: ProgrammeSnapshot) -> None:
    """Of the purchase, as histories name it."""
    account, seq = line.pop("account"), line.pop("spendSeq")
    line["account"], line["entry"] = account, f"{account}-{seq}"


def _exchange_order(line: Line, programme: ProgrammeSnapshot) -> None:
    line["entry"] = f"{line['account'].hex}-{line.pop('entrySeq')}"
    all_of(ids_of("id", "account"), json_of("lines"), money_of("fee"))(line, programme)
    for part in line["lines"]:
        part["fee"] = format_scaled(part["fee"], currencies.exponent(line["currency"]))


REWARDS: Final = (
    Kind(
        "stockMovement",
        ("stock_movement",),
        """
        select moved.id, item.sku, moved.at, moved.kind, moved.change, moved.stock, o.public_id as exchange_order
        from stock_movement as moved
        join exchange_item as item on item.programme_id = $1 and item.id = moved.item_id
        left join exchange_order as o on o.programme_id = $1 and o.id = moved.exchange_order_id
        where moved.programme_id = $1 order by moved.id
        """,
        ids_of("exchangeOrder"),
    ),
    Kind(
        "exchangeOrder",
        ("exchange_order", "exchange_order_line"),
        """
        select o.public_id as id, a.public_id as account, o.placed_at, o.state, o.exchanged_at, o.cancelled_at,
            o.points, o.fee, o.currency, o.note as delivery_note, o.entry_seq,
            (
                select jsonb_agg(
                    jsonb_build_object('sku', part.sku, 'names', part.names, 'quantity', part.quantity,
                        'pricePoints', part.price_points, 'fee', part.fee)
                    order by part.line)
                from exchange_order_line as part
                where part.programme_id = $1 and part.order_id = o.id
            )::text as lines
        from exchange_order as o
        join ledger.account as a
            on a.programme_id = $1 and a.account_id = coalesce(o.entry_account_id, o.account_id)
        where o.programme_id = $1 order by o.id
        """,
        _exchange_order,
        own="o.account_id = any($2)",
    ),
    Kind(
        "giftCard",
        ("gift_card", "ledger.card"),
        """
        select c.card_id, a.public_id as account, p.sku, c.currency, c.last_four, c.face as face_value,
            c.open, c.held, c.used, c.expired, c.void, c.issued_at, nullif(c.expires_at, 'infinity') as expires_at,
            c.spend_seq,
            g.recipient_name, g.recipient_email, g.message, g.deliver_at, g.delivered_at
        from ledger.card as c
        join ledger.account as a on a.programme_id = $1 and a.account_id = c.account_id
        join gift_card as g on g.programme_id = $1 and g.card_id = c.card_id
        join gift_card_product as p on p.programme_id = $1 and p.id = g.product_id
        where c.programme_id = $1 order by g.id
        """,
        all_of(
            ids_of("cardId", "account"),
            money_of("faceValue", "open", "held", "used", "expired", "void"),
            _entry_id,
        ),
        own="c.account_id = any($2)",
    ),
    Kind(
        "giftCardEntry",
        ("ledger.card_entry",),
        """
        select e.card_id, e.seq, upper(e.kind) as kind, e.at, e.debit, e.credit, e.amount, c.currency, e.hold_id,
            e.source_type, e.source_id
        from ledger.card_entry as e
        join ledger.card as c on c.programme_id = $1 and c.card_id = e.card_id
        where e.programme_id = $1 order by c.issued_at, e.card_id, e.seq
        """,
        all_of(ids_of("cardId", "holdId"), money_of("amount")),
    ),
    Kind(
        "giftCardHold",
        ("ledger.card_hold",),
        """
        select h.hold_id, h.card_id, h.amount, c.currency, h.created_at, h.expires_at, upper(h.state) as state,
            h.ended_at, h.used_amount
        from ledger.card_hold as h
        join ledger.card as c on c.programme_id = $1 and c.card_id = h.card_id
        where h.programme_id = $1 order by h.created_at, h.hold_id
        """,
        all_of(ids_of("cardId", "holdId"), money_of("amount", "usedAmount")),
    ),
)
