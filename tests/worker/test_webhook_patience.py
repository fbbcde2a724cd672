"""What a receiver does not take comes again after growing pauses; who takes nothing for long is asked no more."""

import asyncio
from datetime import timedelta

import pytest

from pointbook.domain.webhook_patience import ATTEMPTS_MAX, pause_after
from pointbook.domain.webhook_states import DisabledReason, SendingState, SubscriptionState
from pointbook.services import webhook_sendings
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.warnings import list_warnings
from pointbook.services.webhook_delivering import AT_ONCE
from pointbook.services.webhook_subscriptions import Edit, edit_subscription
from tests.support import DAY, NOW, server
from tests.worker.hook_receiver import answer, receiving
from tests.worker.webhooks import HOUR, age, found, happen, installation, programme, send, sendings, subscribe

__all__ = ["installation", "programme"]


async def test_a_receiver_that_fails_is_asked_for_one_at_a_time_until_it_takes_one(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(503)) as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, *(f"c-{number}" for number in range(AT_ONCE * 2)))
        await send(installation)
        assert len(receiver.got) == AT_ONCE
        assert (await found(installation, programme)).failing_since is not None
        await send(installation)
        assert len(receiver.got) == AT_ONCE + 1
        receiver.answers = [answer(200)]
        await age(installation, programme, timedelta(minutes=1))
        await send(installation)
    assert {sending.state for sending in await sendings(installation, programme)} == {"DELIVERED"}
    assert (await found(installation, programme)).failing_since is None


async def test_what_is_not_taken_comes_again_after_growing_pauses_and_fails_in_the_end(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(500, b"no")) as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        for attempt in range(1, ATTEMPTS_MAX + 1):
            await send(installation)
            await send(installation)
            assert len(receiver.got) == attempt, "not before its time"
            [sending] = await sendings(installation, programme)
            assert (sending.attempts, sending.http_status, sending.response) == (attempt, 500, "no")
            pause = pause_after(attempt)
            if pause is None:
                break
            assert sending.next_attempt_at is not None
            assert sending.attempted_at is not None
            waits = sending.next_attempt_at - sending.attempted_at
            assert pause <= waits <= pause * 1.1 + timedelta(seconds=10)
            await age(installation, programme, waits)
    assert (sending.state, sending.next_attempt_at, sending.error) == ("FAILED", None, "answered 500")
    assert len({got.id for got in receiver.got}) == 1


async def test_a_receiver_that_only_fails_for_three_days_is_disabled_and_staff_are_warned(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(500)) as receiver:
        made = await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1", "c-2")
        await send(installation)
        await age(installation, programme, 2 * DAY, also_subscriptions=True)
        await send(installation)
        assert (await found(installation, programme)).state is SubscriptionState.ACTIVE
        await age(installation, programme, 2 * DAY, also_subscriptions=True)
        await send(installation)
        disabled = await found(installation, programme)
        assert (disabled.state, disabled.disabled_reason) == (SubscriptionState.DISABLED, DisabledReason.FAILING)
        asked = len(receiver.got)
        await age(installation, programme, 2 * DAY)
        await happen(installation, programme, "c-3")
        await send(installation)
        assert len(receiver.got) == asked
    [warning] = await list_warnings(installation, programme.id, first=10)
    assert (warning.kind, warning.subject, warning.detail) == (
        "WEBHOOK_DISABLED",
        f"webhook subscription {made.subscription.id.hex}",
        {"reason": "FAILING"},
    )
    assert len(await sendings(installation, programme)) == 2, "what happened meanwhile is not kept for it"


async def test_the_disabled_one_is_activated_and_sent_what_had_waited(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(410), answer(200)) as receiver:
        made = await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        gone = await found(installation, programme)
        assert (gone.state, gone.disabled_reason) == (SubscriptionState.DISABLED, DisabledReason.GONE)
        await age(installation, programme, HOUR)
        await send(installation)
        assert len(receiver.got) == 1
        staff = server(programme)
        active = await edit_subscription(installation, staff, made.subscription.id, Edit(active=True), now=NOW)
        assert (active.state, active.disabled_reason, active.failing_since) == ("ACTIVE", None, None)
        await send(installation)
    [sending] = await sendings(installation, programme)
    assert (sending.state, sending.attempts) == ("DELIVERED", 2)


async def test_another_url_has_new_patience_and_is_sent_what_is_on_its_way(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(500)) as old, receiving() as new:
        made = await subscribe(installation, programme, old)
        await happen(installation, programme, "c-1")
        await send(installation)
        edit = Edit(url=new.url)
        moved = await edit_subscription(installation, server(programme), made.subscription.id, edit, now=NOW)
        assert moved.failing_since is None
        await age(installation, programme, HOUR)
        await send(installation)
    assert [got.id for got in new.got] == [old.got[0].id]


@pytest.mark.parametrize("late", [410, 500])
async def test_what_the_old_url_answers_late_is_not_held_against_the_new_one(
    installation: Installation, programme: ProgrammeSnapshot, late: int
) -> None:
    async with receiving(answer(late), is_open=False) as old, receiving() as new:
        made = await subscribe(installation, programme, old)
        await happen(installation, programme, "c-1")
        sent = asyncio.create_task(send(installation))
        await old.count(1)
        edit = Edit(url=new.url)
        await edit_subscription(installation, server(programme), made.subscription.id, edit, now=NOW)
        old.open.set()
        await sent
        after = await found(installation, programme)
    assert (after.state, after.disabled_reason, after.failing_since) == ("ACTIVE", None, None)


async def test_what_no_worker_survives_is_given_up(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        async with installation.db.bare_transaction(programme.id) as connection:
            await connection.execute(
                "update webhook_sending set attempts = $1, leased_until = now() - interval '1 second'",
                ATTEMPTS_MAX,
            )
        await send(installation)
        await webhook_sendings.tidy(installation.db)
        await send(installation)
    assert receiver.got == []
    [sending] = await sendings(installation, programme)
    assert sending.state is SendingState.FAILED
