"""Orders are posted by the rules in force: where, when and how they were placed, lots, caps, and the record."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import pytest

from pointbook.db.queries.rule_counts import counts_of
from pointbook.domain.orders import OrderContent
from pointbook.domain.rules import Counter
from pointbook.services import places
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import deactivate_rule, edit_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import SubmittedOrder, submit_order
from pointbook.services.joining import Join, join
from pointbook.services.judging import Circumstances, JudgedOrder, Judgement, judged_again
from pointbook.services.members import MemberState, set_state
from pointbook.services.places import NewHolidays
from pointbook.services.programmes import change_state
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.rules.shop import LONG_BEFORE, add_rule, line, order, pizzas, rule, sides_programme
from tests.support import DAY, NOW, SECRET, join_member, member_with_points, order_document, redeem, spendable


async def points(installation: Installation, programme: ProgrammeSnapshot, **more: Any) -> int:
    return (await order(installation, programme, **more)).points


async def kept(installation: Installation, programme: ProgrammeSnapshot, external_id: str = "o-1") -> Any:
    async with installation.db.bare_transaction(programme.id) as connection:
        return await connection.fetchrow("select * from sales_order where external_id = $1", external_id)


async def counted(installation: Installation, programme: ProgrammeSnapshot) -> dict[Counter, int]:
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select rule_key, bucket, points from rule_count")
    return {Counter(row["rule_key"], row["bucket"]): row["points"] for row in rows}


async def test_e09_the_best_rule_of_an_item_wins(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await add_rule(installation, programme)
    await add_rule(installation, programme, rule("PRODUCT_GROUP", 3, targets=["pizzas"]))
    await add_rule(installation, programme, rule("ARTICLE", 2, targets=["pasta"]))
    two = [line("pizza", 2, "20.00", productGroupIds=["pizzas"])]
    assert await points(installation, programme, lines=two) == 10
    assert await points(installation, programme, external_id="o-2", lines=[line("pasta")]) == 2


async def test_e10_e11_a_cart_rule_adds_and_may_count_what_points_paid(installation: Installation) -> None:
    programme = await sides_programme(installation)
    await add_rule(installation, programme)
    await add_rule(installation, programme, rule("CART", None, moneyPerPoint="10.00"))
    assert await points(installation, programme, number=2, discounts=[]) == 12
    inclusive = await sides_programme(installation)
    for inside, expected in ((programme, 0), (inclusive, 10)):
        document = rule("CART", None, moneyPerPoint="1.00", inclusiveOfRedeemedValue=inside is inclusive)
        await add_rule(installation, inside, document)
        await member_with_points(installation, inside, 200, external_id="c-2")
        voucher = await redeem(installation, inside, 200, external_id="c-2")
        paid = order_document("o-9", "10.00", customer_id="c-2", voucherCode=voucher.code)
        assert (await order(installation, inside, paid)).points == expected


@pytest.mark.parametrize(
    ("entry", "exit_", "expected"),
    [
        ("app", "pick-up", 0),
        ("web", "delivery", 0),
        ("web", "pick-up", 5),
        (None, None, 0),
        ("pigeon", "pick-up", 0),
    ],
)
async def test_e15_channels(
    installation: Installation, programme: ProgrammeSnapshot, entry: str | None, exit_: str | None, expected: int
) -> None:
    await add_rule(installation, programme, rule(entryChannels=["web"], exitChannels=["pick-up"]))
    assert await points(installation, programme, entryChannel=entry, exitChannel=exit_) == expected


@pytest.mark.parametrize(("placed_at", "expected"), [("2026-12-31T23:30:00Z", 5), ("2026-12-31T22:30:00Z", 0)])
@pytest.mark.parametrize("store", ["berlin", None])
async def test_e16_days_are_those_of_the_store_and_its_holidays(
    installation: Installation, programme: ProgrammeSnapshot, store: str | None, placed_at: str, expected: int
) -> None:
    await places.change_holidays(installation, programme.id, store, NewHolidays("DE"), now=LONG_BEFORE)
    days = rule(weekdays=["SATURDAY", "SUNDAY"], holidays=["New Year's Day"])
    await add_rule(installation, programme, days)
    assert await points(installation, programme, store=store, placedAt=placed_at) == expected


async def test_r6_the_zone_and_the_own_days_are_the_stores(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_store(installation, programme.id, NewStore("nyc", "x", "America/New_York"), now=LONG_BEFORE)
    party = NewHolidays(own={date(2026, 2, 28): "Party"})
    await places.change_holidays(installation, programme.id, "nyc", party, now=LONG_BEFORE)
    await add_rule(installation, programme, rule(holidays=["Party"]))
    placed = {"placedAt": "2026-03-01T04:30:00Z"}
    answers = [
        await points(installation, programme, external_id=store, store=store, **placed)
        for store in ("nyc", "bonn")
    ]
    assert answers == [5, 0]


async def test_a_store_that_is_switched_off_earns_nothing_and_its_record_says_so(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme)
    await switch_store(installation, programme.id, "bonn", active=False, now=NOW)
    assert await points(installation, programme, store="bonn") == 0
    judgement = Judgement.of((await kept(installation, programme))["judgement"])
    assert judgement.closed == "STORE_OFF"
    assert judgement.rules is None
    assert await points(installation, programme, external_id="o-2", store="berlin") == 5


async def test_points_that_become_available_or_end_at_other_times_are_lots_of_their_own(
    installation: Installation,
) -> None:
    programme = await sides_programme(installation, waitingTime={"hours": 24}, expiry={"days": 10})
    await add_rule(installation, programme, rule(availableAtOnce=True))
    await add_rule(installation, programme, rule("CART", None, moneyPerPoint="1.00", expiry={"never": True}))
    await add_rule(installation, programme, rule("BASE", 1))
    assert await points(installation, programme) == 16
    end = datetime.fromisoformat("2026-03-11T23:00:00Z")
    found = [
        (granted, start, None if ends > NOW + 999 * DAY else ends)
        for granted, start, ends in await _lots_with_infinity(installation, programme)
    ]
    assert found == [(1, NOW + DAY, end), (5, NOW, end), (10, NOW + DAY, None)]
    assert await spendable(installation, programme) == 5


async def _lots_with_infinity(
    installation: Installation, programme: ProgrammeSnapshot
) -> list[tuple[int, datetime, datetime]]:
    far = NOW + 1_000 * DAY
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select granted, available_from, case when isfinite(expires_at) then expires_at else $1 end as ends"
            " from ledger.lot order by lot_id",
            far,
        )
    return [tuple(row) for row in rows]


async def test_a_rule_in_force_later_or_no_more_gives_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme, effective_from=NOW + timedelta(seconds=1))
    gone = await add_rule(installation, programme)
    await deactivate_rule(installation, programme.id, gone.key, 1, now=LONG_BEFORE)
    assert await points(installation, programme) == 0
    later = NOW + timedelta(seconds=1)
    assert (await submit_order(installation, programme.id, pizzas("o-2"), now=later)).points == 5


async def test_caps_per_order_day_and_period(installation: Installation, programme: ProgrammeSnapshot) -> None:
    capped = {"perOrder": 12, "perDay": 20, "perMember": {"points": 24, "period": "MONTH"}}
    made = await add_rule(installation, programme, rule(caps=capped))
    given = [await points(installation, programme, external_id=f"o-{n}", number=3) for n in range(3)]
    assert given == [12, 8, 0]
    next_day = {"placedAt": "2026-03-02T08:00:00Z"}
    assert await points(installation, programme, external_id="o-4", **next_day) == 4
    assert await counted(installation, programme) == {
        Counter(made.key, "day 2026-03-01"): 20,
        Counter(made.key, "day 2026-03-02"): 4,
        Counter(made.key, "month 2026-03"): 24,
    }
    await join_member(installation, programme, "c-2")
    assert await points(installation, programme, external_id="o-5", number=3, customer_id="c-2") == 12
    again = await order(installation, programme, external_id="o-0", number=3)
    assert (again.points, again.replayed) == (12, True)
    async with installation.db.bare_transaction(programme.id) as connection:
        assert await connection.fetchval("select sum(points) from rule_count") == 20 + 4 + 24 + 12 + 12


async def test_orders_that_race_for_a_cap_never_exceed_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme, rule(caps={"perDay": 12}))
    other = Installation.of(installation.db, SECRET)
    answers: list[SubmittedOrder] = await asyncio.gather(
        *(
            submit_order(each, programme.id, pizzas(f"o-{n}-{m}"), now=NOW)
            for n in range(4)
            for m, each in enumerate((installation, other))
        )
    )
    assert sorted(answer.points for answer in answers) == [0, 0, 0, 0, 0, 2, 5, 5]
    assert await spendable(installation, programme) == 12
    assert list((await counted(installation, programme)).values()) == [12]


async def test_r14_a_member_who_does_not_earn_uses_up_no_cap(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme, rule(caps={"perDay": 5}))
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    assert await points(installation, programme) == 0
    assert await counted(installation, programme) == {}
    await set_state(installation, programme.id, "c-1", MemberState.ACTIVE, now=NOW)
    assert await points(installation, programme, external_id="o-2") == 5


async def test_e30_r8_what_remains_is_judged_by_what_the_order_was_judged_by(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """The rule is doubled, the store gets another zone and the cap is used up: none of it matters afterwards."""
    made = await add_rule(installation, programme, rule(caps={"perDay": 20}, weekdays=["SUNDAY"]))
    assert await points(installation, programme, external_id="o-0", number=2, store="bonn") == 10
    assert await points(installation, programme, number=3, store="bonn") == 10
    assert await points(installation, programme, external_id="o-2", number=1, store="bonn") == 0
    await edit_rule(installation, programme.id, made.key, 1, rule(points=10), now=NOW)
    await add_store(installation, programme.id, NewStore("bonn", "x", "Pacific/Kiritimati"), now=NOW)
    row = await kept(installation, programme)
    stored = JudgedOrder(
        Circumstances(row["placed_at"], row["store_id"]), row["settings_version"], row["judgement"]
    )
    now_programme = await installation.programmes.get(programme.id)
    whole = OrderContent.from_stored(orjson.loads(row["document"]))
    for quantity, expected in ((3, 10), (2, 10), (1, 5), (0, 0)):
        lines = tuple(each._replace(quantity=quantity * 1_000) for each in whole.lines if quantity)
        remaining = OrderContent(lines)
        assert judged_again(now_programme, stored, remaining, 0).points == expected


async def test_an_order_judged_by_the_settings_alone_keeps_no_record_and_can_be_judged_again(
    installation: Installation,
) -> None:
    programme = await sides_programme(installation, earnsFromRevenue=True, basePointsPerOrder=3)
    assert await points(installation, programme) == 13
    row = await kept(installation, programme)
    assert row["judgement"] is None
    stored = JudgedOrder(Circumstances(row["placed_at"]), row["settings_version"], None)
    content = OrderContent.from_stored(orjson.loads(row["document"]))
    assert judged_again(programme, stored, content, 0).points == 13
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    assert await points(installation, programme, external_id="o-2") == 0
    assert Judgement.of((await kept(installation, programme, "o-2"))["judgement"]).closed == "PROGRAMME_STOPPED"


async def test_points_whose_fixed_day_has_passed_are_not_given_and_the_record_says_so(
    installation: Installation,
) -> None:
    programme = await sides_programme(installation, earnsFromRevenue=True, expiry={"on": "2026-02-28"})
    assert await points(installation, programme) == 0
    [trace] = Judgement.of((await kept(installation, programme))["judgement"]).rules or [{}]
    assert (trace["rule"], trace["verdict"], trace["why"]) == ("REVENUE", "INERT", "ENDED")


async def test_an_order_corrected_before_it_earns_uses_the_cap_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_rule(installation, programme, rule(caps={"perDay": 8}))
    await order(installation, programme, status="NEW")
    assert await counted(installation, programme) == {}
    assert await points(installation, programme, number=2) == 8
    assert list((await counted(installation, programme)).values()) == [8]


# Joining


async def test_e17_joining_gives_what_the_settings_and_rules_say(installation: Installation) -> None:
    programme = await sides_programme(installation, signUpPoints=20, waitingTime={"hours": 48})
    march = {"validFrom": "2026-03-01", "validUntil": "2026-03-31"}
    welcome = rule("REGISTRATION", 100, availableAtOnce=True, stackGroup="welcome", **march)
    await add_rule(installation, programme, welcome)
    inside = datetime.fromisoformat("2026-03-31T23:59:00+02:00")
    for customer, joined_at, given, at_once in (
        ("in", inside, 120, 100),
        ("out", inside + timedelta(minutes=1), 20, 0),
    ):
        joined = await join(installation, programme.id, Join(customer), now=joined_at)
        assert joined.member.sign_up_points == given
        assert await spendable(installation, programme, customer, now=joined_at) == at_once
        assert not (await join(installation, programme.id, Join(customer), now=joined_at)).created


async def test_r14_parked_orders_released_at_once_share_the_room_of_a_cap(installation: Installation) -> None:
    programme = await sides_programme(installation, releaseParkedOnJoin=True)
    await add_rule(installation, programme, rule(caps={"perDay": 12}))
    for number in range(4):
        await order(installation, programme, external_id=f"o-{number}", customer_id="c-9")
    joined = await join(installation, programme.id, Join("c-9"), now=NOW)
    assert joined.released == 4
    assert await spendable(installation, programme, "c-9") == 12
    earned = [(await kept(installation, programme, f"o-{number}"))["points"] for number in range(4)]
    assert earned == [5, 5, 2, 0]
    assert await points(installation, programme, external_id="o-9", customer_id="c-9") == 0
    account = (await installation.accounts.get(programme.id, "c-9")).account_id
    async with installation.db.bare_transaction(programme.id) as connection:
        [(rule_key, bucket)] = await counted(installation, programme)
        asked = [(account, Counter(rule_key, bucket))]
        assert await counts_of(connection, programme.id, asked) == {asked[0]: 12}


async def test_channels_that_a_rule_names_stay(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await add_rule(installation, programme, rule(entryChannels=["web"]))
    with pytest.raises(Exception, match="entryChannels"):
        await places.change_channels(installation, programme.id, ["app"], [], now=NOW)
    await places.change_channels(installation, programme.id, ["web"], [], now=NOW + SETTINGS_NOTICE)
    assert (await installation.programmes.get(programme.id)).entry_channels == ("web",)
