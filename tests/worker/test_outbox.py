"""The outbox: what was promised arrives, at least once, whoever dies on the way (I11)."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from pointbook.db.session import Connection, Database
from pointbook.services import outbox
from pointbook.services.installation import Installation
from pointbook.services.outbox import Delivery, Drained, Message, Subscriptions, Undeliverable
from pointbook.worker.subscriptions import subscriptions
from tests.faults.market import open_market
from tests.faults.scenarios import Orders, Redemptions
from tests.support import SECRET
from tests.worker.messages import NOW, Receiver, age, new_programme, promise, rows, withdraw

TOPIC = "order.earned"
HASTY = Delivery(lease=timedelta(seconds=2), handler_seconds=0.1, batch=10, at_once=10, max_attempts=3)


def listening(receiver: outbox.Handler) -> Subscriptions:
    subscriptions = Subscriptions()
    subscriptions.add(TOPIC, receiver)
    return subscriptions


async def test_a_committed_message_is_delivered_once_and_kept_as_delivered(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1, 2)
    receiver = Receiver()
    assert await outbox.drain(db, listening(receiver)) == Drained(delivered=2)
    assert await outbox.drain(db, listening(receiver)) == Drained()
    assert receiver.received == {(programme_id, 1): 1, (programme_id, 2): 1}
    assert [
        (row["created_at"], row["last_error"], row["delivered_at"] is None) for row in await rows(db, programme_id)
    ] == [(NOW, None, False)] * 2


async def test_a_message_of_a_change_that_rolled_back_was_never_promised(db: Database) -> None:
    programme_id = await new_programme(db)

    async def change() -> None:
        async with db.bare_transaction(programme_id) as connection:
            await outbox.append(connection, programme_id, TOPIC, {"number": 1}, now=NOW)
            raise LookupError

    with pytest.raises(LookupError):
        await change()
    assert await rows(db, programme_id) == []


async def test_a_message_for_later_goes_out_when_it_is_due_and_once(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1, delay=timedelta(hours=3))
    receiver = Receiver(takes=0.01)
    assert await outbox.drain(db, listening(receiver)) == Drained()
    await age(db, programme_id, 3 * 3600 - 60)
    assert await outbox.drain(db, listening(receiver)) == Drained()
    await age(db, programme_id, 61)
    drains = await asyncio.gather(*(outbox.drain(db, listening(receiver)) for _ in range(2)))
    assert sum(drained.delivered for drained in drains) == 1
    assert receiver.received == {(programme_id, 1): 1}


async def test_a_message_whose_instant_has_passed_is_due_at_once(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1, delay=-timedelta(days=9))
    assert await outbox.drain(db, listening(Receiver())) == Drained(delivered=1)
    [row] = await rows(db, programme_id)
    assert datetime.now(UTC) - row["due_at"] < timedelta(minutes=1)  # it waits behind what was promised before


async def test_a_withdrawn_message_reaches_nobody(db: Database) -> None:
    programme_id, other = await new_programme(db), await new_programme(db, "other")
    [first, second] = await promise(db, programme_id, 1, 2, delay=timedelta(hours=3))
    assert not await withdraw(db, other, first)
    assert await withdraw(db, programme_id, first)
    assert not await withdraw(db, programme_id, first)
    await age(db, programme_id, 3 * 3600)
    receiver = Receiver()
    assert await outbox.drain(db, listening(receiver)) == Drained(delivered=1)
    assert receiver.received == {(programme_id, 2): 1}
    assert not await withdraw(db, programme_id, second), "it was delivered"
    assert [row["delivered_at"] is None for row in await rows(db, programme_id)] == [False]


@pytest.mark.parametrize("error", [None, "ConnectionError: away"])
async def test_what_is_withdrawn_while_a_worker_has_it_in_hand_does_not_come_back(
    db: Database, error: str | None
) -> None:
    programme_id = await new_programme(db)
    [message_id] = await promise(db, programme_id, 1)
    [message] = await outbox._lease(db, Subscriptions(), programme_id, HASTY)
    assert await withdraw(db, programme_id, message_id)
    failure = None if error is None else outbox._Failure(error)
    await outbox._settle(db, programme_id, [(message, failure)], HASTY)
    await age(db, programme_id, 3600)
    assert await outbox._lease(db, Subscriptions(), programme_id, HASTY) == []
    assert await rows(db, programme_id) == []


async def test_messages_for_later_cost_those_that_are_due_nothing(
    db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    # Thousands of appointments wait at any time; a drain, which looks every second, must not read their messages.
    programme_id = await new_programme(db)
    async with admin.transaction():
        await admin.execute(
            "insert into outbox_message (programme_id, topic, payload, created_at, due_at)"
            " select $1, 'later', '{}', now(), now() + n * interval '1 minute' from generate_series(1, 5000) as n",
            programme_id,
        )
        await admin.execute("analyze outbox_message")
        statement = outbox._LEASE
        given = ("$1", str(programme_id)), ("$2", "20"), ("$3", "'30 s'"), ("$4", "20"), ("$5", "false")
        for place, value in (*given, ("$6", "'{notice.mail}'")):
            statement = statement.replace(place, value)
        told = await admin.fetch(f"explain (analyze, costs off, timing off, buffers) {statement}")
        plan = [row[0] for row in told]
    index = next(number for number, line in enumerate(plan) if "outbox_message_due_idx" in line)
    assert "actual rows=0" in plan[index], plan
    assert "due_at <= (now() + " in plan[index + 1], plan
    assert not any("Rows Removed" in line for line in plan), plan


async def test_messages_of_every_programme_are_found(db: Database) -> None:
    programmes = [await new_programme(db, slug) for slug in ("one", "two", "three")]
    for number, programme_id in enumerate(programmes):
        await promise(db, programme_id, number)
    receiver = Receiver()
    assert await outbox.drain(db, listening(receiver)) == Drained(delivered=3)
    assert set(receiver.received) == {(programme_id, number) for number, programme_id in enumerate(programmes)}


async def test_a_topic_without_a_handler_is_delivered_to_nobody(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1, topic="nobody.asked")
    receiver = Receiver()
    assert await outbox.drain(db, listening(receiver)) == Drained(delivered=1)
    (row,) = await rows(db, programme_id)
    assert (row["delivered_at"] is not None, row["last_error"]) == (True, outbox.NOBODY_LISTENS)
    assert not receiver.received


async def test_a_failed_message_waits_and_is_delivered_later(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    receiver = Receiver(refuses=1)
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained(failed=1)
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained()  # its pause is not over
    (row,) = await rows(db, programme_id)
    assert (row["last_error"], row["attempts"], row["leased_until"]) == (
        "ConnectionError: the receiver is away",
        1,
        None,
    )
    await age(db, programme_id, 2)
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained(delivered=1)
    assert receiver.received == {(programme_id, 1): 1}


async def test_a_message_that_always_fails_is_parked_and_can_be_revived(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    receiver = Receiver(refuses=3)
    for _ in range(HASTY.max_attempts):
        await outbox.drain(db, listening(receiver), delivery=HASTY)
        await age(db, programme_id, 3600)
    (parked,) = await outbox.parked(db, programme_id)
    assert (parked.attempts, parked.last_error) == (3, "ConnectionError: the receiver is away")
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained()
    assert await outbox.revive(db, programme_id, [parked.id, parked.id + 1]) == 1
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained(delivered=1)
    assert await outbox.parked(db, programme_id) == []


async def test_a_handler_that_hangs_counts_as_failed(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    assert await outbox.drain(db, listening(Receiver(takes=5)), delivery=HASTY) == Drained(failed=1)
    assert [row["last_error"] for row in await rows(db, programme_id)] == ["TimeoutError: "]


async def test_a_worker_that_dies_before_it_acknowledges_has_its_messages_delivered_again(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    receiver = Receiver()
    (message,) = await outbox._lease(
        db, Subscriptions(), programme_id, HASTY
    )  # a worker takes it, delivers it and dies
    await receiver(message)
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained()  # its lease still runs
    await age(db, programme_id, 3)
    assert await outbox.drain(db, listening(receiver), delivery=HASTY) == Drained(delivered=1)
    assert receiver.received == {(programme_id, 1): 2}


class Recorded:
    """A recorder that notes in the audit, in the outbox's transaction, what it has seen."""

    def __init__(self, *, fails: int = 0) -> None:
        self._fails = fails

    def listening(self, receiver: outbox.Handler) -> Subscriptions:
        subscriptions = listening(receiver)
        subscriptions.record([TOPIC, "another.topic"], self)
        return subscriptions

    async def __call__(self, connection: Connection, messages: Sequence[Message], /) -> None:
        for message in messages:
            await connection.execute(
                "insert into audit_entry (programme_id, at, changed_by, action, subject)"
                " values ($1, $2, '', '', $3)",
                message.programme_id,
                NOW,
                str(message.payload["number"]),
            )
        if self._fails:
            self._fails -= 1
            raise ConnectionError("no answer")

    @staticmethod
    async def seen(db: Database, programme_id: int) -> list[str]:
        async with db.bare_transaction(programme_id) as connection:
            return [
                row["subject"] for row in await connection.fetch("select subject from audit_entry order by id")
            ]


async def test_what_is_recorded_of_a_message_is_recorded_once_whatever_becomes_of_it(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1, 2)
    recorded = Recorded()
    subscriptions = recorded.listening(Receiver(refuses=2))
    assert await outbox.drain(db, subscriptions, delivery=HASTY) == Drained(failed=2)
    assert await recorded.seen(db, programme_id) == ["1", "2"]
    await age(db, programme_id, 3600)
    assert await outbox.drain(db, subscriptions, delivery=HASTY) == Drained(delivered=2)
    assert await recorded.seen(db, programme_id) == ["1", "2"]


async def test_what_could_not_be_recorded_is_recorded_and_delivered_later(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    recorded, receiver = Recorded(fails=1), Receiver()
    subscriptions = recorded.listening(receiver)
    assert await outbox.drain(db, subscriptions) == Drained(failed=1)
    assert (await recorded.seen(db, programme_id), dict(receiver.received)) == ([], {})
    assert await outbox.drain(db, subscriptions) == Drained(delivered=1)
    assert await recorded.seen(db, programme_id) == ["1"]


async def test_a_message_that_kills_its_workers_is_parked(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    for _ in range(HASTY.max_attempts):
        assert len(await outbox._lease(db, Subscriptions(), programme_id, HASTY)) == 1
        await age(db, programme_id, 3)
    assert await outbox._lease(db, Subscriptions(), programme_id, HASTY) == []
    await outbox.tidy(db, delivery=HASTY)
    assert len(await outbox.parked(db, programme_id)) == 1


async def test_a_worker_that_comes_late_does_not_end_its_successors_lease(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    (late,) = await outbox._lease(db, Subscriptions(), programme_id, HASTY)
    await age(db, programme_id, 3)
    (successor,) = await outbox._lease(db, Subscriptions(), programme_id, HASTY)
    await outbox._settle(db, programme_id, [(late, outbox._Failure("ConnectionError: late"))], HASTY)
    assert await outbox._lease(db, Subscriptions(), programme_id, HASTY) == []
    await outbox._settle(db, programme_id, [(successor, None)], HASTY)
    assert [row["delivered_at"] is None for row in await rows(db, programme_id)] == [False]


async def test_workers_at_the_same_time_never_deliver_one_message_twice(db: Database) -> None:
    # Goal: eight workers drain 300 messages whose receiver is slow; without the lease each would get each.
    programme_id = await new_programme(db)
    await promise(db, programme_id, *range(300))
    receiver = Receiver(takes=0.005)
    policy = Delivery(batch=10, at_once=10)
    done = await asyncio.gather(*(outbox.drain(db, listening(receiver), delivery=policy) for _ in range(8)))
    assert sum(drained.delivered for drained in done) == 300
    assert set(receiver.received.values()) == {1}
    assert receiver.at_the_same_time == set()
    assert sum(drained.delivered > 0 for drained in done) > 1  # they did share the work


async def test_a_drain_takes_at_most_a_batch_at_once_and_stops_when_asked(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, *range(25))
    receiver = Receiver()
    drained = await outbox.drain(
        db, listening(receiver), delivery=HASTY, stopping=lambda: len(receiver.received) >= 10
    )
    assert drained == Drained(delivered=10)
    assert sum(row["attempts"] for row in await rows(db, programme_id)) == 10  # nothing more was even leased


async def test_a_programme_that_cannot_be_served_does_not_stop_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = await new_programme(db, "broken"), await new_programme(db, "sound")
    await promise(db, broken, 1)
    await promise(db, sound, 2)
    lease = outbox._lease

    async def lease_of_sound(
        database: Database, subscriptions: Subscriptions, programme_id: int, policy: Delivery
    ) -> list[Message]:
        if programme_id == broken:
            raise ConnectionError("no answer")
        return await lease(database, subscriptions, programme_id, policy)

    monkeypatch.setattr(outbox, "_lease", lease_of_sound)
    receiver = Receiver()
    assert await outbox.drain(db, listening(receiver)) == Drained(delivered=1, failed=1)
    assert receiver.received == {(sound, 2): 1}


async def test_backlogs_do_not_keep_another_programme_waiting(db: Database) -> None:
    busy = [await new_programme(db, f"busy-{number}") for number in range(outbox._LANES)]
    for programme_id in busy:
        await promise(db, programme_id, *range(3 * HASTY.batch))
    quiet = await new_programme(db, "quiet")
    await promise(db, quiet, 1)
    receiver, before = Receiver(), []

    async def received(message: Message, /) -> None:
        if message.programme_id == quiet:
            before.append(sum(receiver.received.values()))
        await receiver(message)

    total = outbox._LANES * 3 * HASTY.batch
    assert await outbox.drain(db, listening(received), delivery=HASTY) == Drained(delivered=total + 1)
    [number] = before
    assert number <= 2 * outbox._LANES * HASTY.batch  # each of the others has had a turn, or is having its second


async def test_all_that_is_old_is_deleted_whatever_becomes_of_other_programmes(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = await new_programme(db, "broken"), await new_programme(db, "sound")
    await promise(db, sound, *range(5))
    await outbox.drain(db, listening(Receiver()))
    await age(db, sound, outbox.KEPT_FOR.total_seconds() + 1)
    monkeypatch.setattr(outbox, "_PRUNED_AT_ONCE", 2)
    tidy = outbox._tidy

    async def tidy_sound(database: Database, programme_id: int, policy: Delivery) -> int:
        if programme_id == broken:
            raise ConnectionError("no answer")
        return await tidy(database, programme_id, policy)

    monkeypatch.setattr(outbox, "_tidy", tidy_sound)
    assert await outbox.tidy(db, seconds=0) == 0
    assert await outbox.tidy(db) == 5
    assert await rows(db, sound) == []


async def test_a_message_that_alone_knows_an_address_is_not_kept_for_a_person_either(db: Database) -> None:
    programme_id = await new_programme(db)
    async with db.bare_transaction(programme_id) as connection:
        for topic in (outbox.MEMBER_GOODBYE, "another"):
            await outbox.append(connection, programme_id, topic, {"email": "a@example.org"}, now=NOW)
    for _ in range(HASTY.max_attempts):
        assert len(await outbox._lease(db, Subscriptions(), programme_id, HASTY)) == 2
        await age(db, programme_id, 3)
    await outbox.tidy(db, delivery=HASTY)
    assert [row["topic"] for row in await rows(db, programme_id)] == ["another"], "parked, as the control"


async def test_delivered_messages_are_deleted_after_their_time_and_waiting_ones_never(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)
    await outbox.drain(db, listening(Receiver()))
    assert await outbox.tidy(db) == 0
    await promise(db, programme_id, 2)
    await age(db, programme_id, outbox.KEPT_FOR.total_seconds() + 1)
    assert await outbox.tidy(db) == 1
    assert [row["delivered_at"] for row in await rows(db, programme_id)] == [None]


async def test_what_its_handler_calls_undeliverable_is_parked_at_once(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, 1)

    async def handler(_message: Message) -> None:
        raise Undeliverable("there is no such address")

    assert await outbox.drain(db, listening(handler)) == Drained(failed=1)
    (parked,) = await outbox.parked(db, programme_id)
    assert (parked.attempts, parked.last_error) == (1, "Undeliverable: there is no such address")
    await age(db, programme_id, 3600)
    assert await outbox.drain(db, listening(handler)) == Drained()
    assert await outbox.revive(db, programme_id, [parked.id]) == 1
    assert await outbox.drain(db, listening(Receiver())) == Drained(delivered=1)


def test_pauses_grow_and_are_bounded_and_a_batch_never_outlives_its_lease() -> None:
    policy = Delivery()
    pauses = [policy.pause(attempt).total_seconds() for attempt in range(1, policy.max_attempts + 1)]
    assert 0.5 <= pauses[0] <= 1
    assert 1800 <= pauses[-1] <= 3600
    assert sum(pauses) > 4 * 3600  # a receiver may be away for half a working day before anything is parked
    with pytest.raises(AssertionError, match="outlive its lease"):
        Delivery(lease=timedelta(seconds=20))


async def test_every_topic_that_is_promised_has_a_receiver(db: Database) -> None:
    # Each of the product's promises once; "nobody listens" would be a message lost by forgetting its handler.
    market = await open_market(db, "the secret of an installation under test", "market")
    moment = datetime.now(UTC)
    await Orders(market, moment).on(db)(1, "1")
    await Redemptions(market, moment, captured=True).on(db)(1, "1")
    told = {row["topic"] for row in await rows(db, market.programme_id)}
    assert told == {"member.joined", "points.credited", "redemption.captured"}
    listening = subscriptions(Installation.of(db, SECRET), None, lambda: moment)
    await outbox.drain(db, listening)
    assert {row["last_error"] for row in await rows(db, market.programme_id)} == {None}
