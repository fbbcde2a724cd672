"""R35: returns are sent by hand, and those of orders that were."""

from typing import Any

import pytest

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.order_sendings import PointsAsOf
from tests.integration.sendings import (
    EARNED,
    PARKED,
    PROCESSED,
    documents,
    kept_return,
    results,
    sent,
    take_back,
    waiting,
)
from tests.rules.shop import LONG_BEFORE, add_rule, rule
from tests.support import (
    DAY,
    NOW,
    SENDING_TABLES,
    everything,
    join_member,
    make_programme,
    order_document,
    redeem,
    spendable,
)

WARRANTIES_REVERSE_NOTHING = {"typeEffects": {"WARRANTY": "NOTHING"}}


async def effect_of_return(installation: Installation, programme: ProgrammeSnapshot) -> tuple[Any, ...]:
    async with installation.db.bare_transaction(programme.id) as connection:
        row = await connection.fetchrow("select effect, by_hand from return_document")
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("together", [True, False])
async def test_r23_a_return_sent_by_hand_has_both_effects_whatever_its_type(
    installation: Installation, *, together: bool
) -> None:
    # One that waits for an order comes by itself once the order has earned, unless it is sent too.
    programme = await make_programme(installation, WARRANTIES_REVERSE_NOTHING)
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    await kept_return(installation, programme, "r-1", "o-1", type="WARRANTY")
    sending = await sent(installation, programme, "o-1,r-1" if together else "o-1")
    reversed_now = {"r-1": ("REVERSED", 0, 50, 0)} if together else {}
    assert await results(installation, programme, sending) == {"o-1": EARNED, **reversed_now}
    assert await effect_of_return(installation, programme) == (("BOTH", True) if together else ("NOTHING", False))
    assert await spendable(installation, programme) == (0 if together else 50)


@pytest.mark.parametrize("by_hand", [True, False])
async def test_r23_a_return_sent_before_its_order_came_is_by_hand_when_it_comes(
    installation: Installation, *, by_hand: bool
) -> None:
    programme = await make_programme(installation, WARRANTIES_REVERSE_NOTHING)
    await join_member(installation, programme)
    await take_back(installation, programme, "r-1", "o-1", type="WARRANTY")
    if by_hand:
        sending = await sent(installation, programme, "r-1")
        assert await results(installation, programme, sending) == {"r-1": PARKED}, "its order is not known"
    await submit_order(installation, programme.id, order_document(), now=NOW)
    assert await effect_of_return(installation, programme) == (("BOTH", True) if by_hand else ("NOTHING", False))
    assert await spendable(installation, programme) == (0 if by_hand else 50)


async def test_r23_a_return_that_waits_reverses_what_its_order_earned(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # Its order came, and the process died before it applied what waited.
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document("o-0"), now=NOW)
    voucher = await redeem(installation, programme, 20)
    await submit_order(installation, programme.id, order_document("o-1", voucherCode=voucher.code), now=NOW)
    await kept_return(installation, programme, "r-1", "o-1")
    sending = await sent(installation, programme, "r-1")
    assert await results(installation, programme, sending) == {"r-1": ("REVERSED", 0, 49, 20)}
    assert (sending.points_reversed, sending.points_given_back) == (49, 20)
    assert await spendable(installation, programme) == 50
    again = await sent(installation, programme, "r-1")
    assert await results(installation, programme, again) == {"r-1": PROCESSED}


async def test_a_return_that_its_order_refuses_stays_and_says_why(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await take_back(installation, programme, "r-1", "o-1", everything=False, lines=[{"id": "1", "quantity": "3"}])
    await submit_order(installation, programme.id, order_document(), now=NOW)
    before = await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry"))
    sending = await sent(installation, programme, "r-1")
    assert await results(installation, programme, sending) == {"r-1": ("REFUSED: RETURN_EXCEEDS_ORDER", 0, 0, 0)}
    [document] = await documents(installation, programme, sending)
    assert document.refusal is not None
    assert document.refusal.reason.startswith("'1': its quantity is 1")
    assert await everything(installation.db, programme, but=(*SENDING_TABLES, "audit_entry")) == before


async def test_what_returns_took_back_before_does_not_earn(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await waiting(installation, programme, "o-1")
    part = {"everything": False, "lines": [{"id": "1", "amount": "20.00"}]}
    await take_back(installation, programme, "r-1", "o-1", **part)
    sending = await sent(installation, programme, "o-1")
    assert await results(installation, programme, sending) == {"o-1": ("EARNED", 30, 0, 0)}


async def test_a_return_of_an_order_whose_lots_had_expired_in_part_reverses_what_was_granted(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"expiry": {"days": 300}}, now=LONG_BEFORE)
    await join_member(installation, programme, now=LONG_BEFORE)
    short = rule("ARTICLE", 40, targets=["tea"], expiry={"days": 10})
    await add_rule(installation, programme, short, key="short")
    await waiting(installation, programme, "o-1", placedAt=(NOW - 20 * DAY).isoformat())
    sending = await sent(installation, programme, "o-1", as_of=PointsAsOf.ORDER_DATE)
    assert sending.points_earned == 50, "the rule's 40 have expired 10 days ago"
    half = {"everything": False, "lines": [{"id": "1", "amount": "25.00"}]}
    answer = await take_back(installation, programme, "r-1", "o-1", **half)
    assert answer.reversed == 25
    rest = await take_back(installation, programme, "r-2", "o-1")
    assert (rest.reversed, await spendable(installation, programme)) == (25, 0)
