"""Events reach whoever subscribed to them: at least once, known again by their id, none held up by another's."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from pointbook.domain.webhook_states import SendingState
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.webhook_delivering import AT_ONCE, ROOM, Deliverer
from pointbook.services.webhook_subscriptions import rotate_secret
from pointbook.settings import Settings
from pointbook.worker.subscriptions import subscriptions
from tests.support import NOW, SECRET, join_member, make_programme, server
from tests.worker.hook_receiver import answer, receiving
from tests.worker.running import running
from tests.worker.webhooks import HOUR, age, deliverer, happen, installation, programme, send, sendings, subscribe

__all__ = ["installation", "programme"]


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
        async with running(Settings(_env_file=None), installation, clock=lambda: NOW):
            await join_member(installation, programme)
            await receiver.count(1)
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
