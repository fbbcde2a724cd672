"""What an export tells, type by type: from which tables, with which fields, in which form."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from pointbook.domain import currencies
from pointbook.domain.money import format_scaled
from pointbook.domain.orders import OrderContent
from pointbook.domain.orders.writing import content_document as order_content
from pointbook.domain.returns import ReturnContent
from pointbook.domain.returns.writing import content_document as return_content
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_shapes import Kind, Line, all_of, ids_of, json_of, money_of, rate_of


def _entry(line: Line, programme: ProgrammeSnapshot) -> None:
    """Its transfers, and what it takes back, by their public names."""
    ids_of("holdId")(line, programme)
    of_account, of_seq = line.pop("ofAccount"), line.pop("ofSeq")
    line["of"] = None if of_seq is None else f"{of_account.hex}-{of_seq}"
    line["id"] = f"{line['account'].hex}-{line.pop('seq')}"
    line["account"] = line["account"].hex
    columns = (line.pop(name) for name in ("debits", "credits", "lots", "points"))
    line["transfers"] = [
        {"debit": debit, "credit": credit, "lot": lot, "points": points}
        for debit, credit, lot, points in zip(*columns, strict=True)
    ]


def _entry_id(line: Line, _programme: ProgrammeSnapshot) -> None:
    """Of the purchase, as histories name it."""
    account, seq = line.pop("account"), line.pop("spendSeq")
    line["account"], line["entry"] = account, f"{account}-{seq}"


def _order(line: Line, programme: ProgrammeSnapshot) -> None:
    content = OrderContent.from_stored(orjson.loads(line.pop("document")))
    head: Mapping[str, Any] = {
        "externalId": line.pop("externalId"),
        "type": line.pop("orderType"),
        "status": line.pop("status"),
        "statusAt": line.pop("statusAt"),
        "placedAt": line.pop("placedAt"),
        "currency": line["currency"],
        "store": line.pop("storeId"),
        "entryChannel": line.pop("entryChannel"),
        "exitChannel": line.pop("exitChannel"),
        "customer": {"externalId": line.pop("customerExternalId")},
    }
    all_of(ids_of("account", "holdId"), money_of("total", "redeemed"), json_of("judgement"))(line, programme)
    document = {name: value for name, value in head.items() if value is not None}
    line["document"] = document | order_content(content, currencies.exponent(line["currency"]))


def _return(line: Line, programme: ProgrammeSnapshot) -> None:
    content = ReturnContent.from_stored(orjson.loads(line.pop("document")))
    head: Mapping[str, Any] = {
        "externalId": line.pop("externalId"),
        "orderExternalId": line.pop("orderExternalId"),
        "type": line.pop("returnType"),
        "status": line.pop("status"),
        "returnedAt": line.pop("returnedAt"),
        "currency": line["currency"],
    }
    money_of("value", "money", "givenBackValue")(line, programme)
    document = {name: value for name, value in head.items() if value is not None}
    line["document"] = document | return_content(content, currencies.exponent(line["currency"]))


def _exchange_order(line: Line, programme: ProgrammeSnapshot) -> None:
    line["entry"] = f"{line['account'].hex}-{line.pop('entrySeq')}"
    all_of(ids_of("id", "account"), json_of("lines"), money_of("fee"))(line, programme)
    for part in line["lines"]:
        part["fee"] = format_scaled(part["fee"], currencies.exponent(line["currency"]))


def _booking(line: Line, programme: ProgrammeSnapshot) -> None:
    ids_of("account")(line, programme)
    names = ("externalId", "serviceId", "startsAt", "endsAt", "participants", "status", "statusAt", "bookedAt")
    document = {name: line.pop(name) for name in names}
    document |= {"store": line.pop("storeId"), "entryChannel": line.pop("entryChannel")}
    document["customer"] = {"externalId": line.pop("customerExternalId")}
    line["document"] = {name: value for name, value in document.items() if value is not None}


# --- what is told -----------------------------------------------------------------------------------

KINDS: Final = (
    Kind(
        "programme",
        ("programme",),
        """
        select slug, name, state, state_since, currency, time_zone, locales, sandbox, entry_channels,
            exit_channels, country, subdivision, own_holidays::text as own_holidays, created_at
        from programme where id = $1
        """,
        json_of("ownHolidays"),
    ),
    Kind(
        "settingsVersion",
        ("settings_version",),
        """
        select version, effective_from, currency, document::text as document, created_at
        from settings_version where programme_id = $1 order by version
        """,
        json_of("document"),
    ),
    Kind(
        "earningRuleVersion",
        ("earning_rule_version",),
        """
        select rule_key as key, version, state, effective_from, currency, document::text as document, created_at,
            created_by
        from earning_rule_version where programme_id = $1 order by rule_key, version
        """,
        json_of("document"),
    ),
    Kind(
        "store",
        ("store",),
        """
        select store_id as id, name, time_zone, active, country, subdivision, own_holidays::text as own_holidays,
            created_at
        from store where programme_id = $1 order by store_id
        """,
        json_of("ownHolidays"),
    ),
    Kind(
        "key",
        ("api_key",),
        """
        select key_id as id, kind, last_four, label, scopes, origins, any_document, created_at, expires_at,
            revoked_at
        from api_key where programme_id = $1 order by created_at, key_id
        """,
        ids_of("id"),
    ),
    Kind(
        "tokenKey",
        ("token_key",),
        """
        select kid, algorithm, holder, public_key, created_at, revoked_at
        from token_key where programme_id = $1 order by created_at, kid
        """,
    ),
    Kind(
        "webhookEndpoint",
        ("webhook_endpoint",),
        """
        select endpoint_id as id, kind, label, created_at, revoked_at
        from webhook_endpoint where programme_id = $1 order by created_at, endpoint_id
        """,
    ),
    Kind(
        "member",
        ("member", "member_external_id", "ledger.account"),
        """
        select a.public_id as account, array(
                select name.external_id from member_external_id as name
                where name.programme_id = $1 and name.account_id = m.account_id order by 1
            ) as external_ids,
            m.email, m.email_verified, m.locale, m.joined_at, m.state, m.redemption_locked, m.sign_up_points,
            m.sign_up_judgement::text as sign_up_judgement, a.debt, a.as_of
        from member as m
        join ledger.account as a on a.programme_id = $1 and a.account_id = m.account_id
        where m.programme_id = $1 order by m.account_id
        """,
        all_of(ids_of("account"), json_of("signUpJudgement")),
    ),
    Kind(
        "ruleCount",
        ("rule_count",),
        """
        select a.public_id as account, c.rule_key as rule, c.bucket, c.points
        from rule_count as c
        join ledger.account as a on a.programme_id = $1 and a.account_id = c.account_id
        where c.programme_id = $1 order by c.account_id, c.rule_key, c.bucket
        """,
        ids_of("account"),
    ),
    Kind(
        "lot",
        ("ledger.lot",),
        """
        select l.lot_id as lot, a.public_id as account, l.granted, l.open, l.held, l.value_per_point, l.earned_at,
            l.available_from, nullif(l.expires_at, 'infinity') as expires_at, l.settings_version,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= l.earned_at order by v.version desc limit 1
            ) as currency
        from ledger.lot as l
        join ledger.account as a on a.programme_id = $1 and a.account_id = l.owner_id
        where l.programme_id = $1 order by l.lot_id
        """,
        all_of(ids_of("account"), rate_of("valuePerPoint")),
    ),
    Kind(
        "hold",
        ("ledger.hold",),
        """
        select h.hold_id as id, a.public_id as account, h.points, h.value, h.point_value, h.last_four,
            h.created_at, h.expires_at, h.extensions, upper(h.state) as state, h.ended_at, h.captured_points,
            h.captured_value,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= h.created_at order by v.version desc limit 1
            ) as currency
        from ledger.hold as h
        join ledger.account as a on a.programme_id = $1 and a.account_id = h.owner_id
        where h.programme_id = $1 order by h.account_id, h.seq
        """,
        all_of(ids_of("id", "account"), money_of("value", "capturedValue"), rate_of("pointValue")),
    ),
    Kind(
        "entry",
        ("ledger.entry", "ledger.transfer"),
        """
        select a.public_id as account, e.seq, upper(e.kind) as kind, e.at, e.source_type, e.source_id,
            e.occurrence, e.hold_id,
            of.public_id as of_account, e.of_seq, moved.debits, moved.credits, moved.lots, moved.points
        from ledger.entry as e
        join ledger.account as a on a.programme_id = $1 and a.account_id = e.account_id
        left join ledger.account as of on of.programme_id = $1 and of.account_id = e.of_account_id
        cross join lateral (
            select
                coalesce(array_agg(t.debit order by t.line), '{}') as debits,
                coalesce(array_agg(t.credit order by t.line), '{}') as credits,
                coalesce(array_agg(t.lot_id order by t.line), '{}') as lots,
                coalesce(array_agg(t.points order by t.line), '{}') as points
            from ledger.transfer as t
            where t.programme_id = $1 and t.account_id = e.account_id and t.seq = e.seq
        ) as moved
        where e.programme_id = $1 order by e.account_id, e.seq
        """,
        _entry,
    ),
    Kind(
        "lateCapture",
        ("ledger.late_capture",),
        """
        select late.hold_id, late.purchase, late.points, late.value, late.debt,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= h.created_at order by v.version desc limit 1
            ) as currency
        from ledger.late_capture as late
        join ledger.hold as h on h.programme_id = $1 and h.hold_id = late.hold_id
        where late.programme_id = $1 order by late.account_id, late.seq
        """,
        all_of(ids_of("holdId"), money_of("value")),
    ),
    Kind(
        "order",
        ("sales_order",),
        """
        select o.external_id, o.type as order_type, o.status, o.status_at, o.placed_at, o.currency, o.store_id,
            o.entry_channel, o.exit_channel, o.customer_external_id, o.document,
            case o.returned
                when 'PART' then 'PARTLY_RETURNED' when 'ALL' then 'RETURNED' when 'CANCELLED' then 'CANCELLED'
                else o.state
            end as state, o.occurrence, o.purchase, o.begun_at, o.reported_at, o.total,
            o.redeemed_value as redeemed, o.points, o.settings_version, o.judgement::text as judgement, o.hold_id,
            a.public_id as account, o.entry_seq
        from sales_order as o
        left join ledger.account as a on a.programme_id = $1 and a.account_id = o.account_id
        where o.programme_id = $1 order by o.external_id
        """,
        _order,
    ),
    Kind(
        "orderOccurrence",
        ("order_occurrence",),
        """
        select f.order_external_id, f.occurrence, f.state, f.returned, f.redeemed_value as redeemed, f.points,
            f.settings_version, f.judgement::text as judgement, f.entry_seq, f.begun_at, a.public_id as account,
            o.currency
        from order_occurrence as f
        join sales_order as o on o.programme_id = $1 and o.external_id = f.order_external_id
        left join ledger.account as a on a.programme_id = $1 and a.account_id = f.account_id
        where f.programme_id = $1 order by f.order_external_id, f.occurrence
        """,
        all_of(ids_of("account"), money_of("redeemed"), json_of("judgement")),
    ),
    Kind(
        "return",
        ("return_document",),
        """
        select external_id, order_external_id, type as return_type, status, returned_at, currency,
            document::text as document, state, refusal, by_hand, occurrence, number, effect, value, money,
            given_back as points_given_back, given_back_value, reversed as points_reversed, debt, forgiven,
            reported_at, applied_at
        from return_document where programme_id = $1 order by external_id
        """,
        _return,
    ),
    Kind(
        "giftCardProduct",
        ("gift_card_product",),
        """
        select sku, currency, face_value, price_points, validity_days, active, names::text as names,
            descriptions::text as descriptions, category, image_url, position, created_at, updated_at
        from gift_card_product where programme_id = $1 order by id
        """,
        all_of(json_of("names", "descriptions"), money_of("faceValue")),
    ),
    Kind(
        "exchangeItem",
        ("exchange_item",),
        """
        select sku, currency, price_points, fee, max_per_order, max_per_member, stock, active,
            names::text as names, descriptions::text as descriptions, category, image_url, position, created_at,
            updated_at
        from exchange_item where programme_id = $1 order by id
        """,
        all_of(json_of("names", "descriptions"), money_of("fee")),
    ),
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
        join ledger.account as a on a.programme_id = $1 and a.account_id = o.account_id
        where o.programme_id = $1 order by o.id
        """,
        _exchange_order,
    ),
    Kind(
        "giftCard",
        ("gift_card", "ledger.card"),
        """
        select c.card_id, a.public_id as account, p.sku, g.currency, c.last_four, c.face as face_value,
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
    ),
    Kind(
        "giftCardEntry",
        ("ledger.card_entry",),
        """
        select e.card_id, e.seq, upper(e.kind) as kind, e.at, e.debit, e.credit, e.amount, g.currency, e.hold_id,
            e.source_type, e.source_id
        from ledger.card_entry as e
        join gift_card as g on g.programme_id = $1 and g.card_id = e.card_id
        where e.programme_id = $1 order by g.id, e.seq
        """,
        all_of(ids_of("cardId", "holdId"), money_of("amount")),
    ),
    Kind(
        "giftCardHold",
        ("ledger.card_hold",),
        """
        select h.hold_id, h.card_id, h.amount, g.currency, h.created_at, h.expires_at, upper(h.state) as state,
            h.ended_at, h.used_amount
        from ledger.card_hold as h
        join gift_card as g on g.programme_id = $1 and g.card_id = h.card_id
        where h.programme_id = $1 order by h.created_at, h.hold_id
        """,
        all_of(ids_of("cardId", "holdId"), money_of("amount", "usedAmount")),
    ),
    Kind(
        "booking",
        ("booking",),
        """
        select b.external_id, b.customer_external_id, b.service_id, b.starts_at, b.ends_at, b.participants,
            b.store_id, b.entry_channel, b.status, b.status_at, b.booked_at, b.state, b.occurrence, b.reported_at,
            a.public_id as account
        from booking as b
        left join ledger.account as a on a.programme_id = $1 and a.account_id = b.account_id
        where b.programme_id = $1 order by b.external_id
        """,
        _booking,
    ),
    Kind(
        "bookingOccurrence",
        ("booking_occurrence",),
        """
        select o.booking_external_id, o.occurrence, a.public_id as account, o.starts_at, o.ends_at, o.participants,
            o.store_id as store, o.entry_channel, o.points, o.available_from, o.settings_version,
            o.judgement::text as judgement, o.entry_seq, o.earned_at, o.reversed_at, o.forgiven
        from booking_occurrence as o
        left join ledger.account as a on a.programme_id = $1 and a.account_id = o.account_id
        where o.programme_id = $1 order by o.booking_external_id, o.occurrence
        """,
        all_of(ids_of("account"), json_of("judgement")),
    ),
    Kind(
        "staffWarning",
        ("staff_warning",),
        """
        select id, at, kind, subject, detail::text as detail from staff_warning where programme_id = $1 order by id
        """,
        json_of("detail"),
    ),
    Kind(
        "auditEntry",
        ("audit_entry",),
        """
        select id, at, changed_by, action, subject, before::text as before, after::text as after
        from audit_entry where programme_id = $1 order by id
        """,
        json_of("before", "after"),
    ),
)
