"""What each kind of notice tells, as it stands when the mail is due."""

from datetime import datetime
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import adjustments, exchange
from pointbook.db.queries import gift_cards as cards
from pointbook.db.queries import notices as rows
from pointbook.domain.calendar import end_of_local_day, last_day
from pointbook.domain.notices import Batch, NoticeKind, Value, parsed_expiry
from pointbook.services.exchange_views import ExchangeLine, order_of
from pointbook.services.gift_cards import bought_inside, facts_of
from pointbook.services.granting import BOOKING, ORDER, SIGN_UP
from pointbook.services.notices.facts import Asked, Facts, Outcome, Recipient, SentCard, member_facts
from pointbook.texts.gift_card_texts import card_text
from pointbook.texts.notice_mail import card_values
from pointbook.texts.notice_texts import words
from pointbook.texts.phrasing import Phrasing, best_text


async def credited(asked: Asked) -> Facts | Outcome:
    """By one order or booking, or by several together. Points for joining are told in the welcome."""
    payload = asked.payload
    count = payload.get("count", 1)
    if "count" in payload:
        order, booking = payload["order"], payload["booking"]
    else:
        account, _, seq = payload["entry"].partition("-")
        source = await rows.credited_by(asked.connection, asked.programme.id, UUID(hex=account), int(seq))
        if source is None or source["source_type"] == SIGN_UP:
            return Outcome.NOTHING_TO_TELL
        order, booking = (
            source["source_id"] if source["source_type"] == kind else None for kind in (ORDER, BOOKING)
        )
    available_from = datetime.fromisoformat(payload["availableFrom"])
    values: dict[str, Value] = {
        "points": payload["points"],
        "order": order,
        "booking": booking,
        "count": str(count) if count > 1 else None,
        "available_from": (
            available_from.astimezone(asked.programme.zone).date() if available_from > asked.now else None
        ),
    }
    return await member_facts(asked, payload["account"], values)


async def adjusted(asked: Asked) -> Facts | Outcome:
    payload, programme = asked.payload, asked.programme
    adjustment = await adjustments.find(asked.connection, programme.id, UUID(hex=payload["adjustment"]))
    if adjustment is None:
        return Outcome.NOTHING_TO_TELL
    values: dict[str, Value] = {"change": payload["points"], "description": adjustment["description"]}
    return await member_facts(asked, payload["account"], values)


async def expiring(asked: Asked) -> Facts | Outcome:
    """What of the days that the mail was promised for still expires then.

    Points that are held for a checkout are not told: a day of which nothing is left but those is told in another
    round if they come back.
    """
    programme, abouts = asked.programme, {parsed_expiry(about)[1]: about for about in asked.abouts}
    facts = await member_facts(asked, asked.payload["account"], {})
    if isinstance(facts, Outcome):
        return facts
    account_id = facts.to[0].account_id
    assert account_id is not None, "it is a member's"
    until = end_of_local_day(max(abouts), programme.zone)
    found = await ledger.expiring(asked.connection, programme.id, account_id, now=asked.now, until=until)
    batches = [Batch(one.points, last_day(one.expires_at, programme.zone)) for one in found]
    told = [batch for batch in batches if batch.last_day in abouts]
    ends = await rows.held(asked.connection, programme.id, account_id, now=asked.now, until=until)
    held = {last_day(end, programme.zone) for end in ends}
    if not told:
        return Outcome.NOTHING_TO_TELL if held.isdisjoint(abouts) else Outcome.LATER
    days = {batch.last_day for batch in told}
    untold = {
        about: Outcome.LATER if day in held else Outcome.NOTHING_TO_TELL
        for day, about in abouts.items()
        if day not in days
    }
    values: dict[str, Value] = {
        "points": sum(batch.points for batch in told),
        "last_day": told[0].last_day,
        "days": (told[0].last_day - asked.now.astimezone(programme.zone).date()).days,
        "batches": told,
    }
    return Facts(facts.to, facts.locale, {**facts.values, **values}, untold=untold)


async def welcome(asked: Asked) -> Facts | Outcome:
    account = asked.payload["account"]
    found = await rows.recipient(asked.connection, asked.programme.id, UUID(hex=account))
    return await member_facts(asked, account, {"points": (found.sign_up_points or None) if found else None})


async def goodbye(asked: Asked) -> Facts | Outcome:
    """The member is gone: this message is the last that knows the address."""
    email = asked.payload["email"]
    return Facts((Recipient(email),), asked.payload.get("locale") or asked.programme.locales[0], {})


async def gift_card(asked: Asked) -> Facts | Outcome:
    """Whatever the buyer said of notices (R32), but not if the card is voided, used up or expired by now."""
    programme, card_id = asked.programme, UUID(hex=asked.payload["giftCard"])
    bought = await bought_inside(asked.connection, asked.installation, programme, card_id, now=asked.now)
    if bought is None or bought.row.delivered_at is not None:
        return Outcome.NOTHING_TO_TELL
    row = bought.row
    own, locale = await cards.buyer_address(asked.connection, programme.id, row.account_id)
    tag = locale or programme.locales[0]
    card = card_text(facts_of(programme, bought), tag)
    mailbox = row.recipient_email or own
    if card.code is None:
        return Outcome.NOTHING_TO_TELL
    if mailbox is None:
        return Outcome.NO_ADDRESS
    given = row.recipient_email is not None
    return Facts(
        (Recipient(mailbox, row.recipient_name),),
        tag,
        card_values(card),
        SentCard(card_id, card),
        NoticeKind.GIFT_CARD_GIVEN if given else NoticeKind.GIFT_CARD,
    )


async def exchange_order(asked: Asked) -> Facts | Outcome:
    """Also of a member who has left since: the order goes on."""
    row = await exchange.find_order(asked.connection, asked.programme.id, UUID(hex=asked.payload["order"]))
    if row is None or not asked.settings.staff_addresses:
        return Outcome.NOTHING_TO_TELL
    order, locale = order_of(row), asked.programme.locales[0]
    spoken = words(Phrasing.of_texts(locale, asked.programme.currency).language)
    values: dict[str, Value] = {
        "customer": ", ".join(order.customers) or spoken.has_left,
        "items": "\n".join(_line(line, locale) for line in order.lines),
        "points": order.points,
        "fee": order.fee.amount or None,
        "note": order.note,
        "order": order.id.hex,
    }
    return Facts(tuple(map(Recipient, asked.settings.staff_addresses)), locale, values)


def _line(line: ExchangeLine, locale: str) -> str:
    name = best_text(line.names, locale) or next((name for _, name in line.names), line.sku)
    return f"{line.quantity} {name} ({line.sku})"
