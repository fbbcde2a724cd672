"""What the shop reported, and what became of it."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from pointbook.domain import currencies
from pointbook.domain.orders import OrderContent
from pointbook.domain.orders.writing import content_document as order_content
from pointbook.domain.returns import ReturnContent
from pointbook.domain.returns.writing import content_document as return_content
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_shapes import Kind, Line, all_of, ids_of, json_of, money_of


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


def _booking(line: Line, programme: ProgrammeSnapshot) -> None:
    ids_of("account")(line, programme)
    names = ("externalId", "serviceId", "startsAt", "endsAt", "participants", "status", "statusAt", "bookedAt")
    document = {name: line.pop(name) for name in names}
    document |= {"store": line.pop("storeId"), "entryChannel": line.pop("entryChannel")}
    document["customer"] = {"externalId": line.pop("customerExternalId")}
    line["document"] = {name: value for name, value in document.items() if value is not None}


DOCUMENTS: Final = (
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
        left join ledger.entry as e
            on e.programme_id = $1 and e.kind = 'accrual' and e.source_type = 'order'
            and e.source_id = o.external_id and e.occurrence = o.occurrence
        left join ledger.account as a
            on a.programme_id = $1 and a.account_id = coalesce(e.account_id, o.account_id)
        where o.programme_id = $1 order by o.external_id
        """,
        _order,
        own="o.account_id = any($2)",
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
        left join ledger.entry as e
            on e.programme_id = $1 and e.kind = 'accrual' and e.source_type = 'order'
            and e.source_id = f.order_external_id and e.occurrence = f.occurrence
        left join ledger.account as a
            on a.programme_id = $1 and a.account_id = coalesce(e.account_id, f.account_id)
        where f.programme_id = $1 order by f.order_external_id, f.occurrence
        """,
        all_of(ids_of("account"), money_of("redeemed"), json_of("judgement")),
        own="f.account_id = any($2)",
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
        own="""
        order_external_id in (
            select o.external_id from sales_order as o where o.programme_id = $1 and o.account_id = any($2)
        )""",
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
        own="b.account_id = any($2)",
    ),
    Kind(
        "bookingOccurrence",
        ("booking_occurrence",),
        """
        select o.booking_external_id, o.occurrence, a.public_id as account, o.starts_at, o.ends_at, o.participants,
            o.store_id as store, o.entry_channel, o.points, o.available_from, o.settings_version,
            o.judgement::text as judgement, o.entry_seq, o.earned_at, o.reversed_at, o.forgiven
        from booking_occurrence as o
        left join ledger.entry as e
            on e.programme_id = $1 and e.kind = 'accrual' and e.source_type = 'booking'
            and e.source_id = o.booking_external_id and e.occurrence = o.occurrence
        left join ledger.account as a
            on a.programme_id = $1 and a.account_id = coalesce(e.account_id, o.account_id)
        where o.programme_id = $1 order by o.booking_external_id, o.occurrence
        """,
        all_of(ids_of("account"), json_of("judgement")),
        own="o.account_id = any($2)",
    ),
)
