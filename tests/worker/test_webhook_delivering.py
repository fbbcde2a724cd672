"""Events reach whoever subscribed to them: at least once, known again by their id, none held up by another's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from pointbook.db.session import Database
from pointbook.domain.errors import WebhookDisabled, WebhookSendingNotFound
from pointbook.domain.webhook_patience import ATTEMPTS_MAX, pause_after
from pointbook.domain.webhook_states import DisabledReason, SendingState, SubscriptionState
from pointbook.services import outbox, webhook_sendings
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.leaving import Confirmed, leave
from pointbook.services.warnings import list_warnings
from pointbook.services.webhook_delivering import AT_ONCE, ROOM, Deliverer
from pointbook.services.webhook_posting import Poster
from pointbook.services.webhook_sendings import Sending, list_sendings, redeliver
from pointbook.services.webhook_subscriptions import (
    Edit,
    Subscription,
    WithSecret,
    create_subscription,
    delete_subscription,
    edit_subscription,
    list_subscriptions,
    rotate_secret,
)
from pointbook.settings import Settings
from pointbook.worker import run_worker
from pointbook.worker.subscriptions import subscriptions
from tests.support import DAY, NOW, SECRET, join_member, make_programme, server, violations
from tests.worker.hook_receiver import HookReceiver, answer, receiving

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def installation(db: Database) -> AsyncIterator[Installation]:
    yield Installation.of(db, SECRET, webhooks_to_private=True)
    assert await violations(db) == []


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    return await make_programme(installation)


def deliverer(installation: Installation, now: datetime = NOW, *, seconds: float = 10) -> Deliverer:
    return Deliverer(installation, Poster(private_allowed=True, seconds=seconds), lambda: now)


async def subscribe(
    installation: Installation, programme: ProgrammeSnapshot, receiver: HookReceiver, *events: str
) -> WithSecret:
    return await create_subscription(installation, server(programme), receiver.url, events, now=NOW)


async def happen(installation: Installation, programme: ProgrammeSnapshot, *members: str) -> None:
    """Members join, and the outbox is drained."""
    for member in members:
        await join_member(installation, programme, member)
    drained = await outbox.drain(installation.db, subscriptions(installation, None, lambda: NOW))
    assert drained.failed == 0


async def send(installation: Installation, now: datetime = NOW) -> None:
    """A round of a worker."""
    worker = deliverer(installation, now)
    await worker.start_due()
    await worker.settled()


async def sendings(installation: Installation, programme: ProgrammeSnapshot, **wanted: Any) -> list[Sending]:
    return await list_sendings(installation, programme.id, first=100, **wanted)


async def found(installation: Installation, programme: ProgrammeSnapshot) -> Subscription:
    [subscription] = await list_subscriptions(installation, programme.id)
    return subscription


async def age(
    installation: Installation, programme: ProgrammeSnapshot, time: timedelta, *, also_subscriptions: bool = False
) -> None:
    """As if so much time had passed."""
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update webhook_sending set next_attempt_at = next_attempt_at - $1::interval,"
            " leased_until = leased_until - $1::interval, created_at = created_at - $1::interval",
            time,
        )
        if also_subscriptions:
            await connection.execute(
                "update webhook_subscription set failing_since = failing_since - $1::interval", time
            )


async def test_an_event_is_told_signed_and_once(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with receiving(answer(200, b"ok")) as receiver:
        made = await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        await send(installation)
    [got] = receiver.got
    member = await installation.accounts.get(programme.id, "c-1")
    assert got.json == {
        "type": "member.joined",
        "timestamp": "2026-03-01T09:00:00Z",
        "data": {"account": member.public_id.hex},
    }
    assert got.is_signed_with(made.secret)
    assert not got.is_signed_with("whsec_AAAA")
    assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert got.headers["content-type"] == "application/json"
    [sending] = await sendings(installation, programme)
    assert (sending.state, sending.attempts, sending.http_status, sending.error) == ("DELIVERED", 1, 200, None)
    assert (sending.webhook_id, sending.response, sending.next_attempt_at) == (got.id, "ok", None)


async def test_a_worker_sends_within_seconds(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with receiving() as receiver:
        made = await subscribe(installation, programme, receiver)
        work = asyncio.create_task(run_worker(Settings(_env_file=None), installation, clock=lambda: NOW))
        await join_member(installation, programme)
        await receiver.count(1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert receiver.got[0].is_signed_with(made.secret)


async def test_only_what_was_subscribed_to_and_only_to_ones_own_programme(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = await make_programme(installation)
    async with receiving() as all_, receiving() as none, receiving() as others:
        await subscribe(installation, programme, all_, "member.joined", "points.credited")
        await subscribe(installation, programme, none, "exchange.placed")
        await subscribe(installation, other, others)
        await happen(installation, programme, "c-1")
        await send(installation)
    assert [len(each.got) for each in (all_, none, others)] == [1, 0, 0]


async def test_a_message_that_is_delivered_again_is_sent_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # The outbox is at least once: its worker may die before acknowledging, or staff revive the message.
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        async with installation.db.bare_transaction(programme.id) as connection:
            await connection.execute(
                "update outbox_message set delivered_at = null, leased_until = null, attempts = 0"
            )
        await happen(installation, programme)
        await send(installation)
    assert len(receiver.got) == 1


async def test_two_workers_at_once_send_each_event_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, *(f"c-{number}" for number in range(30)))
        workers = [deliverer(Installation.of(installation.db, SECRET)) for _ in range(3)]
        await asyncio.gather(*(worker.start_due() for worker in workers))
        await asyncio.gather(*(worker.settled() for worker in workers))
    assert Counter(got.id for got in receiver.got) == Counter({got.id: 1 for got in receiver.got})
    assert len(receiver.got) == 30
    assert {sending.attempts for sending in await sendings(installation, programme)} == {1}


async def test_who_dies_after_the_answer_leads_to_a_second_with_the_same_id(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")

        async def die(*_: object) -> None:
            raise ConnectionError("the worker is gone")

        with monkeypatch.context() as patched:
            patched.setattr(Deliverer, "_settle", die)
            await send(installation)
        await send(installation)
        assert len(receiver.got) == 1, "the lease has not run out"
        await age(installation, programme, timedelta(minutes=1))
        await send(installation)
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    [sending] = await sendings(installation, programme)
    assert (sending.state, sending.attempts) == ("DELIVERED", 2)


async def test_a_slow_receiver_keeps_nobody_else_waiting(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    worker = deliverer(installation)
    async with receiving(is_open=False) as slow, receiving() as quick:
        await subscribe(installation, programme, slow)
        await subscribe(installation, programme, quick)
        await happen(installation, programme, *(f"c-{number}" for number in range(AT_ONCE + 2)))
        await worker.start_due()
        await quick.count(AT_ONCE + 2)
        await slow.count(AT_ONCE)
        await happen(installation, programme, "c-late")
        while len(quick.got) == AT_ONCE + 2:
            await worker.start_due()
            await asyncio.sleep(0)
        assert len(slow.got) == AT_ONCE
        slow.open.set()
        await worker.settled()
    assert len({got.id for got in slow.got}) == len(slow.got) == AT_ONCE + 3
    assert len({got.id for got in quick.got}) == len(quick.got) == AT_ONCE + 3


async def test_a_programme_of_slow_receivers_leaves_room_for_the_others(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = await make_programme(installation)
    worker = deliverer(installation)
    async with receiving(is_open=False) as slow, receiving() as quick:
        for _ in range(ROOM // 2):
            await subscribe(installation, programme, slow)
        await happen(installation, programme, "c-1")
        await worker.start_due()
        await slow.count(ROOM // 4)
        await subscribe(installation, other, quick)
        await happen(installation, other, "c-1")
        await worker.start_due()
        await quick.count(1)
        assert len(slow.got) == ROOM // 4
        slow.open.set()
        await worker.settled()


async def test_one_deleted_while_the_outbox_writes_for_it_gets_nothing_and_the_others_all(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as gone, receiving() as other:
        made = await subscribe(installation, programme, gone)
        await subscribe(installation, programme, other)
        await join_member(installation, programme, "c-1")
        async with installation.db.bare_transaction(programme.id) as connection:
            await connection.execute(
                "delete from webhook_subscription where subscription_id = $1", made.subscription.id
            )
            draining = asyncio.create_task(
                outbox.drain(installation.db, subscriptions(installation, None, lambda: NOW))
            )
            await asyncio.sleep(0.3)  # it waits for the row by now
        assert (await draining).failed == 0
        await send(installation)
    assert (len(gone.got), len(other.got)) == (0, 1)


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


async def test_both_secrets_sign_while_a_receiver_changes_them(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as receiver:
        old = await subscribe(installation, programme, receiver)
        new = await rotate_secret(
            installation, server(programme), old.subscription.id, version=1, previous_hours=24, now=NOW
        )
        for number, now in enumerate((NOW, NOW + 23 * HOUR, NOW + 24 * HOUR)):
            await happen(installation, programme, f"c-{number}")
            await send(installation, now)
    assert old.secret != new.secret
    assert [got.is_signed_with(new.secret) for got in receiver.got] == [True, True, True]
    assert [got.is_signed_with(old.secret) for got in receiver.got] == [True, True, False]


async def test_a_secret_that_leaked_ends_at_once(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with receiving() as receiver:
        old = await subscribe(installation, programme, receiver)
        await rotate_secret(
            installation, server(programme), old.subscription.id, version=1, previous_hours=0, now=NOW
        )
        await happen(installation, programme, "c-1")
        await send(installation)
    assert not receiver.got[0].is_signed_with(old.secret)


async def test_it_is_sent_again_by_hand_with_the_same_id(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    staff = server(programme)
    async with receiving() as receiver:
        made = await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        [sending] = await sendings(installation, programme)
        again = await redeliver(installation, staff, sending.id, now=NOW)
        assert (again.state, again.attempts) == (SendingState.PENDING, 0)
        await send(installation)
        await edit_subscription(installation, staff, made.subscription.id, Edit(active=False), now=NOW)
        with pytest.raises(WebhookDisabled):
            await redeliver(installation, staff, sending.id, now=NOW)
        other = await make_programme(installation)
        with pytest.raises(WebhookSendingNotFound):
            await redeliver(installation, server(other), sending.id, now=NOW)
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)


async def test_sent_again_while_it_is_being_sent_the_late_worker_says_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    worker = deliverer(installation)
    async with receiving(answer(500), answer(200), is_open=False) as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await worker.start_due()
        await receiver.count(1)
        [sending] = await sendings(installation, programme)
        await redeliver(installation, server(programme), sending.id, now=NOW)
        receiver.open.set()
        await worker.settled()
        [sending] = await sendings(installation, programme)
        assert (sending.state, sending.attempts, sending.error) == ("PENDING", 0, None)
        await send(installation)
    [sending] = await sendings(installation, programme)
    assert (sending.state, sending.attempts) == ("DELIVERED", 1)


async def test_deleted_while_it_is_being_sent_nothing_is_left(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    worker = deliverer(installation)
    async with receiving(is_open=False) as receiver:
        made = await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await worker.start_due()
        await receiver.count(1)
        await delete_subscription(installation, server(programme), made.subscription.id, now=NOW)
        receiver.open.set()
        await worker.settled()
    assert await sendings(installation, programme) == []
    assert await list_subscriptions(installation, programme.id) == []


async def test_a_worker_that_is_stopped_waits_for_what_is_under_way_but_not_for_ever(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    worker, patient = deliverer(installation), deliverer(installation)
    async with receiving(is_open=False) as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await worker.start_due()
        await receiver.count(1)
        await worker.stop(0)
        assert worker._serving == {}
        await worker.start_due()
        assert worker._serving == {}, "it begins nothing more"
        await age(installation, programme, timedelta(minutes=1))
        await patient.start_due()
        await receiver.count(2)
        receiver.open.set()
        await patient.stop(10)
    [sending] = await sendings(installation, programme)
    assert sending.state is SendingState.DELIVERED


async def test_what_was_sent_is_forgotten_after_a_month(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        await age(installation, programme, 29 * DAY)
        await happen(installation, programme, "c-2")
        assert await webhook_sendings.tidy(installation.db) == 0
        await age(installation, programme, 1 * DAY)
        assert await webhook_sendings.tidy(installation.db) == 1
    assert len(await sendings(installation, programme)) == 1


async def test_what_is_to_be_sent_again_is_kept_however_old_it_is(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving() as receiver:
        await subscribe(installation, programme, receiver)
        await happen(installation, programme, "c-1")
        await send(installation)
        await age(installation, programme, 40 * DAY)
        [sending] = await sendings(installation, programme)
        await redeliver(installation, server(programme), sending.id, now=NOW)
        assert await webhook_sendings.tidy(installation.db) == 0
        await send(installation)
    assert len(receiver.got) == 2


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


async def test_r34_an_answer_that_comes_after_its_member_has_left_is_not_kept(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with receiving(answer(500, b"clara@example.org?"), is_open=False) as receiver:
        await subscribe(installation, programme, receiver, "member.joined")
        await happen(installation, programme, "clara", "ola")
        worker = deliverer(installation)
        await worker.start_due()
        await receiver.count(2)
        await leave(installation, server(programme), "clara", Confirmed(0, 0), "k", now=NOW)
        receiver.open.set()
        await worker.settled()
    of_clara, of_ola = sorted(await sendings(installation, programme), key=lambda one: one.id)
    assert (of_clara.state, of_clara.response, of_clara.error) == (SendingState.PENDING, None, None)
    assert of_ola.response == "clara@example.org?", "of who stays it is"
    async with receiving() as receiver:
        [subscribed] = await list_subscriptions(installation, programme.id)
        await edit_subscription(installation, server(programme), subscribed.id, Edit(url=receiver.url), now=NOW)
        await send(installation)
        assert [got.json["type"] for got in receiver.got] == ["member.joined"], "it is sent again"
