"""What was sent is shown, sent again by hand, and forgotten in the end."""

import pytest

from pointbook.domain.errors import WebhookDisabled, WebhookSendingNotFound
from pointbook.domain.webhook_states import SendingState
from pointbook.services import webhook_sendings
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.leaving import Confirmed, leave
from pointbook.services.webhook_sendings import redeliver
from pointbook.services.webhook_subscriptions import (
    Edit,
    delete_subscription,
    edit_subscription,
    list_subscriptions,
)
from tests.support import DAY, NOW, make_programme, server
from tests.worker.hook_receiver import answer, receiving
from tests.worker.webhooks import age, deliverer, happen, installation, programme, send, sendings, subscribe

__all__ = ["installation", "programme"]


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
