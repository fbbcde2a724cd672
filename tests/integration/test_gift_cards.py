"""Gift cards at the shop's till (R22, R29): used, held, refunded, voided; told once; never overdrawn."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from pointbook import ledger
from pointbook.domain import errors
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.codes import last_four
from pointbook.domain.money import Money
from pointbook.services import gift_cards
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.gift_cards import HoldCard, Paid, PaidKind, RefundCard, ReleaseCard, UseCard
from pointbook.services.guesses import SLIPS
from pointbook.services.installation import Installation
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    euros,
    make_programme,
    member_with_points,
    outbox,
    outcomes,
    refused,
    server,
    spendable,
)

ORDER = Paid(PaidKind.ORDER, "A-1")


async def bought(
    installation: Installation, programme: ProgrammeSnapshot, *, points: int = 500, left: int = 20
) -> tuple[str, UUID]:
    """A card of 50.00, bought with these points of a member who has so many left."""
    await member_with_points(installation, programme, points + left)
    account = await installation.accounts.get(programme.id, "c-1")
    card_id = uuid4()
    code = installation.card_codes.code(card_id)
    card = ledger.NewCard(
        card_id, points, "EUR", 5_000, None, installation.card_codes.digest(code), last_four(code)
    )
    request = ledger.Request.of("tests", "buy", code)
    async with installation.db.bare_transaction(programme.id) as connection:
        await ledger.buy_card(connection, programme.id, account.account_id, card, request, now=NOW)
    return code, card_id


def use(code: str, amount: str | None, key: str | None = None, **more: object) -> UseCard:
    money = None if amount is None else euros(amount)
    return UseCard(code, key or uuid4().hex, money, **more)  # type: ignore[arg-type]


async def test_e34_a_card_is_used_over_several_purchases_and_told_once_each(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, card_id = await bought(installation, programme)
    till = server(programme)
    first = await gift_cards.use(installation, till, use(code.lower(), "30.00", "k", paid=ORDER), now=NOW)
    assert (first.amount, first.card.balance, first.card.state) == (euros("30.00"), euros("20.00"), "PARTLY_USED")
    assert await gift_cards.use(installation, till, use(code, "30.00", "k", paid=ORDER), now=NOW) == first
    told = [payload for topic, payload in await outbox(installation.db, programme) if topic == "gift_card.used"]
    assert told == [
        {"giftCard": card_id.hex, "amount": 3_000, "balance": 2_000, "paid": ["order", "A-1"]},
    ]
    entries = await gift_cards.history(installation, programme.id, first.card, first=10, now=NOW)
    assert [(entry.kind, entry.effect, entry.paid) for entry in entries] == [
        ("USE", Money(-3_000, "EUR"), ("order", "A-1")),
        ("ISSUE", euros("50.00"), None),
    ]


async def test_e34_of_two_uses_at_once_one_succeeds(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, _ = await bought(installation, programme)
    await gift_cards.use(installation, server(programme), use(code, "30.00"), now=NOW)
    answers = await asyncio.gather(
        *(gift_cards.use(installation, server(programme), use(code, "20.00"), now=NOW) for _ in range(2)),
        return_exceptions=True,
    )
    assert (outcomes(answers, gift_cards.Used), outcomes(answers, errors.GiftCardOverdrawn)) == (1, 1)


async def test_the_same_use_sent_many_times_at_once_has_one_effect(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, _ = await bought(installation, programme)
    asked = use(code, "10.00", "k")
    answers = await asyncio.gather(
        *(gift_cards.use(installation, server(programme), asked, now=NOW) for _ in range(20))
    )
    assert len(set(answers)) == 1
    card = await gift_cards.gift_card(installation, server(programme), code, now=NOW)
    assert card.balance == euros("40.00")


async def test_a_held_part_is_used_or_given_back(installation: Installation, programme: ProgrammeSnapshot) -> None:
    code, _ = await bought(installation, programme)
    till = server(programme)
    one, other = [
        await gift_cards.hold(installation, till, HoldCard(code, uuid4().hex, euros("20.00")), now=NOW)
        for _ in range(2)
    ]
    assert one.expires_at == NOW + 15 * MINUTE
    assert (other.card.balance, other.card.held) == (euros("10.00"), euros("40.00"))
    used = await gift_cards.use(
        installation, till, use(code, "12.50", hold_id=one.hold_id), now=NOW + 14.9 * MINUTE
    )
    assert (used.card.balance, used.card.held) == (euros("17.50"), euros("20.00"))
    released = ReleaseCard(code, "k", other.hold_id)
    given = await gift_cards.release(installation, till, released, now=NOW + MINUTE)
    assert given == await gift_cards.release(installation, till, released, now=NOW + 2 * MINUTE)
    assert (given.card.balance, given.card.held) == (euros("37.50"), euros("0.00"))


async def test_a_refund_goes_back_once_and_not_beyond(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, card_id = await bought(installation, programme)
    till = server(programme)
    await gift_cards.use(installation, till, use(code, "30.00", paid=ORDER), now=NOW)
    asked = RefundCard(code, "r", euros("25.00"), ORDER)
    refunded = await gift_cards.refund(installation, till, asked, now=NOW)
    assert refunded == await gift_cards.refund(installation, till, asked, now=NOW)
    assert refunded.card.balance == euros("45.00")
    beyond = RefundCard(code, "s", euros("5.01"), ORDER)
    error = await refused(
        gift_cards.refund(installation, till, beyond, now=NOW),
        errors.RefundExceedsUse,
        installation.db,
        programme,
    )
    assert error.refundable_minor == 500
    told = [
        payload for topic, payload in await outbox(installation.db, programme) if topic == "gift_card.refunded"
    ]
    assert told == [{"giftCard": card_id.hex, "amount": 2_500, "balance": 4_500, "paid": ["order", "A-1"]}]


async def test_twenty_refunds_at_once_give_back_what_was_paid_and_no_more(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, _ = await bought(installation, programme)
    till = server(programme)
    await gift_cards.use(installation, till, use(code, "30.00", paid=ORDER), now=NOW)
    answers = await asyncio.gather(
        *(
            gift_cards.refund(installation, till, RefundCard(code, str(n), euros("7.00"), ORDER), now=NOW)
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert (outcomes(answers, gift_cards.Used), outcomes(answers, errors.RefundExceedsUse)) == (4, 16)


async def test_staff_void_an_unused_card_and_its_points_come_back(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, card_id = await bought(installation, programme)
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    assert await spendable(installation, programme) == 20
    card, given = await gift_cards.void(installation, anna, card_id, now=NOW)
    assert (card.state, given.points) == ("VOID", 500)
    assert await gift_cards.void(installation, anna, card_id, now=NOW) == (card, given)
    assert await spendable(installation, programme) == 520
    assert [topic for topic, _ in await outbox(installation.db, programme)].count("gift_card.voided") == 1
    with pytest.raises(errors.GiftCardEnded):
        await gift_cards.use(installation, server(programme), use(code, "1.00"), now=NOW)


async def test_of_a_use_and_a_void_at_once_one_has_its_way(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    code, card_id = await bought(installation, programme)
    used, voided = await asyncio.gather(
        gift_cards.use(installation, server(programme), use(code, "1.00"), now=NOW),
        gift_cards.void(installation, anna, card_id, now=NOW),
        return_exceptions=True,
    )
    one = isinstance(used, gift_cards.Used) and isinstance(voided, errors.GiftCardInUse)
    other = isinstance(used, errors.GiftCardEnded) and isinstance(voided, tuple)
    assert one or other


async def test_r22_a_code_of_another_programme_is_an_unknown_one(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, _ = await bought(installation, programme)
    other = await make_programme(installation, slug="other")
    for typed in (code, "0000-0000-0000-0000", "no code"):
        with pytest.raises(errors.GiftCardNotUsable):
            await gift_cards.use(installation, server(other), use(typed, "1.00"), now=NOW)
        with pytest.raises(errors.GiftCardNotUsable):
            await gift_cards.gift_card(installation, server(other), typed, now=NOW)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"amount": euros("0.00")}, "amount"),
        ({"amount": None}, "amount"),
        ({"idempotency_key": ""}, "idempotencyKey"),
        ({"paid": Paid(PaidKind.ORDER, "")}, "externalId"),
    ],
)
async def test_bad_input_is_refused_and_nothing_moves(
    installation: Installation, programme: ProgrammeSnapshot, asked: dict[str, Any], field: str
) -> None:
    code, _ = await bought(installation, programme)
    error = await refused(
        gift_cards.use(installation, server(programme), replace(use(code, "1.00"), **asked), now=NOW),
        errors.InvalidInput,
        installation.db,
        programme,
    )
    assert error.field == field


async def test_another_currency_is_refused(installation: Installation, programme: ProgrammeSnapshot) -> None:
    code, _ = await bought(installation, programme)
    asked = replace(use(code, "1.00"), amount=Money(100, "PLN"))
    with pytest.raises(errors.CurrencyMismatch):
        await gift_cards.use(installation, server(programme), asked, now=NOW)


async def test_a_card_of_a_former_currency_moves_no_more_and_is_told_in_its_own(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    code, _ = await bought(installation, programme, left=0)
    till = server(programme)
    await gift_cards.use(installation, till, use(code, "50.00", paid=ORDER), now=NOW)
    now = NOW
    for state in (ProgrammeState.EARNING_STOPPED, ProgrammeState.CLOSED):
        now += DAY
        await change_state(installation, programme.id, state, now=now)
    yen = programme.settings_at(NOW).changed({"valuePerPoint": "5", "revenuePerPoint": "100"}, "JPY")
    await change_currency(installation, programme.id, "JPY", yen, now=now)
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=now)
    for amount in (Money(5_000, "JPY"), euros("50.00")):
        with pytest.raises(errors.CurrencyMismatch):
            await gift_cards.refund(installation, till, RefundCard(code, "r", amount, ORDER), now=now)
    card = await gift_cards.gift_card(installation, till, code, now=now)
    assert (card.face, card.balance) == (euros("50.00"), euros("0.00"))


async def test_guesses_at_once_are_throttled_as_well(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    codes = [installation.card_codes.code(uuid4()) for _ in range(40)]
    guest = Principal(CallerKind.GUEST, programme.id, "pk")
    answers = await asyncio.gather(
        *(gift_cards.balance(installation, guest, code, "192.0.2.1", now=NOW) for code in codes),
        return_exceptions=True,
    )
    counted = outcomes(answers, errors.GiftCardNotUsable), outcomes(answers, errors.TooManyGuesses)
    assert counted == (SLIPS, 40 - SLIPS)


async def test_right_codes_are_no_guesses(installation: Installation, programme: ProgrammeSnapshot) -> None:
    code, _ = await bought(installation, programme)
    guest = Principal(CallerKind.GUEST, programme.id, "pk")
    for _ in range(3 * SLIPS):
        await gift_cards.balance(installation, guest, code, "192.0.2.1", now=NOW)
