"""Staff keep rules: versions, effect, notice, conflicts, and what is written down of each change."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import RuleState, Why, write_rule
from pointbook.services import audit, earning_rules, rule_desk
from pointbook.services.audit import Action
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import (
    RuleView,
    activate_rule,
    choose_stores,
    create_rule,
    deactivate_rule,
    delete_rule,
    edit_rule,
    find_rule,
    invert_stores,
    list_rules,
    rule_history,
)
from pointbook.services.installation import Installation
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency, change_settings
from pointbook.services.stores import NewStore, add_store
from tests.rules.shop import LONG_BEFORE, add_rule, order, pizzas, rule
from tests.support import DAY, MOMENT, NOW, SECRET, join_member, make_programme, outcomes, refused


def shown(view: RuleView) -> tuple[RuleState, Why | None]:
    return view.effect.state, view.effect.inert_reason


async def test_a_rule_is_in_force_once_every_process_has_heard_of_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, now=NOW)
    assert made.newest.effective_from == NOW + SETTINGS_NOTICE
    assert (shown(made), made.in_force) == ((RuleState.ACTIVE, Why.NOT_YET), None)
    [later] = await list_rules(installation, programme.id, now=NOW + SETTINGS_NOTICE)
    assert (shown(later), later.in_force) == ((RuleState.ACTIVE, None), made.newest)
    current = await installation.programmes.get(programme.id)
    moments = NOW + SETTINGS_NOTICE - MOMENT, NOW + SETTINGS_NOTICE
    assert [len(current.engine_at(moment).rules) for moment in moments] == [0, 1]


async def test_the_rules_of_a_draft_are_in_force_at_once(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    made = await add_rule(installation, programme, now=NOW)
    assert made.newest.effective_from == NOW


async def test_other_processes_hear_of_a_rule_when_their_caches_end(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = Installation.of(installation.db, SECRET)
    before = await other.programmes.get(programme.id)
    made = await add_rule(installation, programme)
    assert (await other.programmes.get(programme.id)).book is before.book
    other.programmes.forget(programme.id)
    after = await other.programmes.get(programme.id)
    assert after.book.versions == (made.newest,)
    other.programmes.forget(programme.id)
    again = await other.programmes.get(programme.id)
    assert again is not after
    assert again.book is after.book, "rules that have not changed are not read and compiled again"


async def test_r4_an_edit_is_another_version_and_the_one_before_it_stays(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme)
    later = NOW + DAY
    edited = await edit_rule(
        installation, programme.id, made.key, 1, rule(points=7), effective_from=later, by="STAFF:ann", now=NOW
    )
    assert (edited.newest.version, edited.newest.number, edited.in_force) == (2, made.newest.number, made.newest)
    newer, older = await rule_history(installation, programme.id, made.key)
    assert (newer.version.rule.points, newer.created_by, newer.created_at) == (7, "STAFF:ann", NOW)
    assert (older.version, older.created_by) == (made.newest, "SERVER:sk-1")
    current = await installation.programmes.get(programme.id)
    assert [current.engine_at(at).rules[0].points for at in (later - MOMENT, later)] == [5, 7]


async def test_an_edit_that_changes_nothing_makes_no_version(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme)
    again = await edit_rule(installation, programme.id, made.key, 1, rule(), now=NOW)
    assert again.newest == made.newest


@pytest.mark.parametrize("too_soon", [SETTINGS_NOTICE - MOMENT, -DAY])
async def test_no_change_is_in_force_before_others_can_know(
    installation: Installation, programme: ProgrammeSnapshot, too_soon: timedelta
) -> None:
    call = create_rule(installation, programme.id, rule(), effective_from=NOW + too_soon, now=NOW)
    error = await refused(call, errors.InvalidInput, installation.db, programme)
    assert error.field == "effectiveFrom"


async def test_versions_of_a_rule_come_into_force_in_their_order(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, effective_from=NOW + DAY)
    call = edit_rule(
        installation, programme.id, made.key, 1, rule(points=7), effective_from=NOW + DAY - MOMENT, now=NOW
    )
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "effectiveFrom"
    edited = await edit_rule(installation, programme.id, made.key, 1, rule(points=7), now=NOW)
    assert edited.newest.effective_from == NOW + DAY


async def test_two_who_edit_at_once_one_is_told(installation: Installation, programme: ProgrammeSnapshot) -> None:
    made = await add_rule(installation, programme)
    other = Installation.of(installation.db, SECRET)
    edits = [
        edit_rule(each, programme.id, made.key, 1, rule(points=points), now=NOW)
        for each, points in ((installation, 6), (other, 7), (installation, 8))
    ]
    answers = await asyncio.gather(*edits, return_exceptions=True)
    assert outcomes(answers, RuleView) == 1
    conflicts = [answer for answer in answers if isinstance(answer, errors.EditConflict)]
    assert [(conflict.subject, conflict.version) for conflict in conflicts] == [(made.key, 2)] * 2
    assert len(await rule_history(installation, programme.id, made.key)) == 2
    entries = await audit.list_entries(
        installation, programme.id, first=100, wanted=audit.Wanted(f"rule {made.key}")
    )
    assert [entry.change.action for entry in entries] == [Action.RULE_EDITED, Action.RULE_CREATED]


Change = Callable[[Installation, int, str, int], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    "edit": lambda inst, of, key, seen: edit_rule(inst, of, key, seen, rule(points=9), now=NOW),
    "stores": lambda inst, of, key, seen: choose_stores(inst, of, key, seen, [], now=NOW),
    "invert": lambda inst, of, key, seen: invert_stores(inst, of, key, seen, now=NOW),
    "activate": lambda inst, of, key, seen: activate_rule(inst, of, key, seen, now=NOW),
    "deactivate": lambda inst, of, key, seen: deactivate_rule(inst, of, key, seen, now=NOW),
    "delete": lambda inst, of, key, seen: delete_rule(inst, of, key, seen, now=NOW),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_every_change_names_the_version_that_was_seen(
    installation: Installation, programme: ProgrammeSnapshot, name: str
) -> None:
    made = await add_rule(installation, programme)
    await edit_rule(installation, programme.id, made.key, 1, rule(points=6), now=NOW)
    call = CHANGES[name](installation, programme.id, made.key, 1)
    assert (await refused(call, errors.EditConflict, installation.db, programme)).version == 2
    unknown = CHANGES[name](installation, programme.id, "no such rule", 1)
    assert (await refused(unknown, errors.RuleNotFound, installation.db, programme)).key == "no such rule"


async def test_a_rule_is_switched_off_and_on(installation: Installation, programme: ProgrammeSnapshot) -> None:
    made = await add_rule(installation, programme)
    off = await deactivate_rule(installation, programme.id, made.key, 1, now=NOW)
    assert (off.newest.version, off.newest.state) == (2, RuleState.INACTIVE)
    assert shown(off) == (RuleState.ACTIVE, None), "until every process has heard of it"
    [later] = await list_rules(installation, programme.id, now=NOW + SETTINGS_NOTICE)
    assert shown(later) == (RuleState.INACTIVE, Why.INACTIVE)
    assert (await deactivate_rule(installation, programme.id, made.key, 2, now=NOW)).newest.version == 2
    on = await activate_rule(installation, programme.id, made.key, 2, effective_from=NOW + DAY, now=NOW)
    assert (on.newest.version, on.newest.effective_from) == (3, NOW + DAY)
    current = await installation.programmes.get(programme.id)
    moments = NOW, NOW + SETTINGS_NOTICE, NOW + DAY
    assert [current.engine_at(at).rules[0].inert for at in moments] == [None, Why.INACTIVE, None]


async def test_what_is_planned_for_a_rule_does_not_undo_that_it_was_stopped(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme)
    planned = rule(points=7), NOW + DAY
    await edit_rule(installation, programme.id, made.key, 1, planned[0], effective_from=planned[1], now=NOW)
    off = await deactivate_rule(installation, programme.id, made.key, 2, now=NOW)
    assert (off.newest.version, off.newest.rule.points) == (4, 7)
    current = await installation.programmes.get(programme.id)
    inert = [current.engine_at(at).rules[0].inert for at in (NOW, NOW + SETTINGS_NOTICE, NOW + DAY, NOW + 9 * DAY)]
    assert inert == [None, Why.INACTIVE, Why.INACTIVE, Why.INACTIVE]
    await delete_rule(installation, programme.id, made.key, 4, now=NOW + SETTINGS_NOTICE)
    current = await installation.programmes.get(programme.id)
    assert current.engine_at(NOW + 9 * DAY).rules == ()


async def test_a_deleted_rule_is_gone_and_its_history_stays(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme)
    await delete_rule(installation, programme.id, made.key, 1, now=NOW)
    assert await list_rules(installation, programme.id, now=NOW) == []
    with pytest.raises(errors.RuleNotFound):
        await find_rule(installation, programme.id, made.key, now=NOW)
    call = activate_rule(installation, programme.id, made.key, 2, now=NOW)
    await refused(call, errors.RuleNotFound, installation.db, programme)
    states = [entry.version.state for entry in await rule_history(installation, programme.id, made.key)]
    assert states == [RuleState.DELETED, RuleState.ACTIVE]
    call = create_rule(installation, programme.id, rule(), key=made.key, now=NOW)
    await refused(call, errors.EditConflict, installation.db, programme)
    with pytest.raises(errors.RuleNotFound):
        await rule_history(installation, programme.id, "never was")


async def test_e14_stores_none_all_and_inverted(installation: Installation, programme: ProgrammeSnapshot) -> None:
    for number in range(18):
        await add_store(installation, programme.id, NewStore(f"s-{number}", "x"), now=LONG_BEFORE)
    made = await add_rule(installation, programme, rule(stores=["berlin", "bonn"]))
    inverted = await invert_stores(installation, programme.id, made.key, 1, now=LONG_BEFORE)
    assert len(inverted.newest.rule.stores or ()) == 18
    none = await choose_stores(installation, programme.id, made.key, 2, [], now=LONG_BEFORE)
    assert none.newest.rule.stores == ()
    assert (await find_rule(installation, programme.id, made.key, now=NOW)).effect.inert_reason is Why.NO_STORE
    assert (await order(installation, programme, store="berlin")).points == 0
    everywhere = await choose_stores(installation, programme.id, made.key, 3, None, now=NOW)
    assert everywhere.newest.rule.stores is None
    call = choose_stores(installation, programme.id, made.key, 4, ["moon"], now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "stores"


@pytest.mark.parametrize(
    ("field", "document"),
    [
        ("points", rule(points=0)),
        ("points", rule(points=None)),
        ("targets", rule(targets=[])),
        ("stores", rule(stores=["moon"])),
        ("entryChannels", rule(entryChannels=["pigeon"])),
        ("exitChannels", rule(exitChannels=["till"])),
        ("labels.fr", rule(labels={"fr": "x"})),
        ("expiry", rule(expiry={"days": 2})),
        ("targets", rule("MULTIPLIER", None, factor="2", targets=["no rule"])),
        ("moneyPerPoint", rule("CART", None)),
        ("validUntil", rule(validFrom="2026-03-02", validUntil="2026-03-01")),
    ],
)
async def test_what_is_wrong_with_a_rule_names_its_field(
    installation: Installation, programme: ProgrammeSnapshot, field: str, document: dict[str, Any]
) -> None:
    waiting = programme.settings_at(NOW).changed({"waitingTime": {"days": 2}}, "EUR")
    await change_settings(installation, programme.id, waiting, now=LONG_BEFORE)
    made = await add_rule(installation, programme, rule("BASE", 1))
    call = create_rule(installation, programme.id, document, now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == f"rule.{field}"
    if document["kind"] == "ARTICLE":
        article = await add_rule(installation, programme)
        call = edit_rule(installation, programme.id, article.key, 1, document, now=NOW)
        assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == f"rule.{field}"
    else:
        call = edit_rule(installation, programme.id, made.key, 1, rule(), now=NOW)
        assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "rule.kind"


async def test_r16_settings_under_which_points_of_a_rule_could_never_be_spent_are_refused(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, rule(expiry={"days": 2}))
    waiting = programme.settings_at(NOW).changed({"waitingTime": {"days": 2}}, "EUR")
    call = change_settings(installation, programme.id, waiting, now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "settings.waitingTime"
    await delete_rule(installation, programme.id, made.key, 1, now=NOW)
    await change_settings(installation, programme.id, waiting, now=NOW)


async def test_keys_are_given_once_and_are_not_what_the_settings_give(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, key="pizza")
    double = rule("MULTIPLIER", None, factor="2", targets=["pizza", "BASE"])
    await add_rule(installation, programme, double, key="double")
    listed = await list_rules(installation, programme.id, now=NOW)
    assert [(view.key, view.newest.number) for view in listed] == [("pizza", 1), ("double", 2)]
    assert made.newest.version == 1
    for key, error in (
        ("pizza", errors.EditConflict),
        ("REVENUE", errors.InvalidInput),
        ("", errors.InvalidInput),
    ):
        call = create_rule(installation, programme.id, rule(), key=key, now=NOW)
        await refused(call, error, installation.db, programme)
    call = create_rule(installation, programme.id, rule(), state=RuleState.DELETED, now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)


async def test_a_programme_has_a_limit_of_rules_and_of_versions_but_what_stops_one_is_never_refused(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await add_rule(installation, programme)
    monkeypatch.setattr(rule_desk, "RULES_MAX", 1)
    call = create_rule(installation, programme.id, rule(), now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)
    monkeypatch.setattr(rule_desk, "RULE_VERSIONS_MAX", 1)
    call = edit_rule(installation, programme.id, made.key, 1, rule(points=9), now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)
    off = await deactivate_rule(installation, programme.id, made.key, 1, now=NOW)
    call = activate_rule(installation, programme.id, made.key, off.newest.version, now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)
    await delete_rule(installation, programme.id, made.key, off.newest.version, now=NOW)


@pytest.mark.parametrize(
    ("state", "reason"), [(ProgrammeState.ACTIVE, None), (ProgrammeState.EARNING_STOPPED, Why.PROGRAMME_STOPPED)]
)
async def test_e38_staff_see_why_a_rule_gives_nothing(
    installation: Installation, programme: ProgrammeSnapshot, state: ProgrammeState, reason: Why | None
) -> None:
    await add_rule(installation, programme)
    await change_state(installation, programme.id, state, now=NOW)
    [view] = await list_rules(installation, programme.id, now=NOW)
    assert view.effect.inert_reason is reason


async def test_money_of_a_cart_rule_is_in_the_programmes_currency(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    made = await add_rule(installation, programme, rule("CART", None, moneyPerPoint="10.00"))
    await add_rule(installation, programme)
    yen = ProgrammeSettings.from_document({"valuePerPoint": "5"}, "JPY")
    call = change_currency(installation, programme.id, "JPY", yen, now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "currency"
    await delete_rule(installation, programme.id, made.key, 1, now=NOW)
    await change_currency(installation, programme.id, "JPY", yen, now=NOW)
    await add_rule(installation, programme, rule("CART", None, moneyPerPoint="10"), now=NOW)
    old = (await rule_history(installation, programme.id, made.key))[-1]
    assert (old.currency, old.version.rule.money_per_point) == ("EUR", Decimal(1000))
    newest = (await list_rules(installation, programme.id, now=NOW))[-1].newest
    assert newest.rule.money_per_point == 10


async def test_every_change_is_written_down_with_what_was_before(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme, key="pizza")
    await edit_rule(installation, programme.id, "pizza", 1, rule(points=7), by="STAFF:ann", now=NOW)
    await deactivate_rule(installation, programme.id, "pizza", 2, by="STAFF:bob", now=NOW)
    await activate_rule(installation, programme.id, "pizza", 3, by="STAFF:bob", now=NOW)
    await delete_rule(installation, programme.id, "pizza", 4, by="STAFF:bob", now=NOW)
    entries = await audit.list_entries(installation, programme.id, first=5)
    actions = [Action.RULE_DELETED, Action.RULE_ACTIVATED, Action.RULE_DEACTIVATED]
    actions += [Action.RULE_EDITED, Action.RULE_CREATED]
    assert [entry.change.action for entry in entries] == actions
    assert [entry.changed_by for entry in entries] == ["STAFF:bob"] * 3 + ["STAFF:ann", "SERVER:sk-1"]
    created, edited = entries[-1].change, entries[-2].change
    assert (created.before, edited.before) == (None, created.after)
    assert edited.after is not None
    assert (edited.after["rule"]["points"], edited.after["version"], entries[-2].at) == (7, 2, NOW)
    assert created.after is not None
    assert created.after["rule"] == write_rule(made.newest.rule, "EUR")


async def test_the_audit_is_read_page_by_page_and_never_changed(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for _ in range(3):
        await add_rule(installation, programme)
    everything = await audit.list_entries(installation, programme.id, first=100)
    newest = await audit.list_entries(installation, programme.id, first=2)
    older = await audit.list_entries(installation, programme.id, first=100, before_id=newest[-1].id)
    assert [*newest, *older] == everything
    with pytest.raises(errors.InvalidInput):
        await audit.list_entries(installation, programme.id, first=102)
    for table in ("audit_entry", "earning_rule_version"):
        for privilege in ("update", "delete", "truncate"):
            allowed = await installation.db.pool.fetchval("select has_table_privilege($1, $2)", table, privilege)
            assert not allowed, (table, privilege)


async def test_rules_of_one_programme_are_not_seen_in_another(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await add_rule(installation, programme)
    other = await make_programme(installation, {"earnsFromRevenue": False}, now=LONG_BEFORE)
    await join_member(installation, other)
    assert await list_rules(installation, other.id, now=NOW) == []
    with pytest.raises(errors.RuleNotFound):
        await rule_history(installation, other.id, made.key)
    assert (await order(installation, other, pizzas())).points == 0


async def test_a_rule_made_while_an_order_is_judged_waits_for_its_instant(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    """The instant of an order says which versions judged it, whoever changes what meanwhile."""

    async def made(at: datetime) -> RuleView:
        return await create_rule(installation, programme.id, rule(), now=at)

    answers = await asyncio.gather(order(installation, programme), made(NOW), made(NOW))
    assert answers[0].points == 0
    assert len(await earning_rules.list_rules(installation, programme.id, now=NOW)) == 2
