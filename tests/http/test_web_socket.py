"""Subscriptions over graphql-transport-ws, on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from pointbook.db.session import Database
from pointbook.graphql.trusted import document_id, name_of, shipped
from pointbook.http import protocol, staying, web_socket
from pointbook.http.rate_limit import Rate, Rates
from pointbook.http.staying import Pace
from pointbook.services import redemption, tokens
from pointbook.services.redemption import Capture
from tests.http.fixtures import GENEROUS
from tests.http.live_server import BALANCE, REDEMPTION, Client, Live, Served, serving
from tests.support import give_points, member_with_points, redeem, server, violations

TRUSTED = {name_of(text): document_id(text) for text in shipped().values()}
QUICK = Pace(introduction=0.5, check=0.2, sign_of_life=0.3)


@pytest_asyncio.fixture(scope="module")
async def quick(database_url: str) -> AsyncIterator[Served]:
    """With short deadlines, and without Valkey."""
    async with serving(database_url, None, pace=QUICK) as made:
        yield made


@pytest_asyncio.fixture
async def hasty(quick: Served, db: Database) -> AsyncIterator[Live]:
    made = await quick.open()
    yield made
    await made.settled()
    assert await violations(db) == []


async def test_two_subscriptions_share_a_connection(live: Live) -> None:
    programme = live.shop.programme
    await member_with_points(live.installation, programme, 100)
    voucher = await redeem(live.installation, programme, 60, now=live.clock())
    async with live.socket() as client:
        await client.subscribe(name="balance")
        assert (await client.told("balance"))["balanceChanged"]["spendable"] == 140
        await client.subscribe(REDEMPTION, name="voucher", id=voucher.hold_id.hex)
        assert (await client.told("voucher"))["redemptionChanged"]["state"] == "HELD"
        capture = Capture(voucher.code, uuid4().hex)
        await redemption.capture(live.installation, server(programme), capture, now=live.clock())
        messages = [await client.next() for _ in range(3)]
        by_name = {(message["id"], message["type"]): message.get("payload") for message in messages}
        assert by_name["voucher", "next"]["data"]["redemptionChanged"]["state"] == "CAPTURED"
        assert ("voucher", "complete") in by_name
        assert by_name["balance", "next"]["data"]["balanceChanged"]["held"] == 0


async def test_a_subscription_that_was_completed_is_told_nothing_more(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.socket() as client:
        await client.subscribe()
        await client.told()
        await client.send(id="1", type="complete")
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}
        await live.settled_watches()
        await give_points(live.installation, live.shop.programme, "c-1", 50)
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}
        await client.subscribe()  # its name is free again
        assert (await client.told())["balanceChanged"]["spendable"] == 250


async def test_a_page_introduces_itself_in_the_first_message(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    headers = await live.shop.customer_headers()
    payload = {"authorization": headers["Authorization"], "pointbookKey": headers["Pointbook-Key"]}
    async with live.socket(payload, origin="https://shop.example") as client:
        await client.subscribe()
        refused = await client.next()
        assert (refused["type"], _codes(refused)) == ("error", ["DOCUMENT_NOT_TRUSTED"])
        await client.send(id="1", type="subscribe", payload={"documentId": TRUSTED["BalanceChanged"]})
        assert (await client.told())["balanceChanged"]["spendable"] == 200


async def test_a_program_may_introduce_itself_by_headers(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with connect(
        f"ws://127.0.0.1:{live.port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers=await live.credentials(),
        proxy=None,
    ) as connection:
        await connection.send('{"type":"connection_init"}')
        assert await connection.recv() == '{"type":"connection_ack"}'


@pytest.mark.parametrize(
    ("changed", "origin", "code"),
    [
        ({"authorization": "Bearer forged.to.ken"}, None, 4403),
        ({"pointbookKey": "pk_unknown"}, None, 4403),
        ({"pointbookKey": None}, None, 4403),
        ({"authorization": ["x"]}, None, 4400),
        ({"authorization": "Basic abc"}, None, 4403),
        ({"authorization": "Bearer é"}, None, 4400),
        ({}, "https://elsewhere.example", 4403),
    ],
)
async def test_a_stranger_is_refused(live: Live, changed: dict[str, Any], origin: str | None, code: int) -> None:
    headers = await live.shop.customer_headers()
    payload = {"authorization": headers["Authorization"], "pointbookKey": headers["Pointbook-Key"], **changed}
    async with live.socket(origin=origin, introduced=False) as client:
        await client.send(type="connection_init", payload=payload)
        assert await client.closed() == code


async def test_nobody_is_refused_for_no_reason(live: Live) -> None:
    headers = await live.shop.customer_headers()  # the control of the test above
    payload = {"authorization": headers["Authorization"], "pointbookKey": headers["Pointbook-Key"]}
    async with live.socket(payload, origin="https://shop.example"):
        pass


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["{"], 4400),
        (["[]"], 4400),
        (["1"], 4400),
        ([b"\x00"], 4400),
        (['{"type":"unknown"}'], 4400),
        (['{"type":"connection_init","payload":1}'], 4400),
        (['{"type":"subscribe","id":"1","payload":{"query":"{x}"}}'], 4401),
        (['{"type":"ping"}', '{"type":"pong"}', '{"type":"complete","id":"1"}'], 4400),
        (["[" * 100_001], 1009),
        (["[" * 50_000], 4400),
    ],
)
async def test_a_malformed_introduction_closes(live: Live, messages: list[str | bytes], code: int) -> None:
    async with live.socket(introduced=False) as client:
        for message in messages:
            await client.connection.send(message)
        assert await client.closed() == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "subscribe", "id": "1"}, 4400),
        ({"type": "subscribe", "id": 1, "payload": {"query": BALANCE}}, 4400),
        ({"type": "subscribe", "id": "", "payload": {"query": BALANCE}}, 4400),
        ({"type": "subscribe", "id": "x" * 101, "payload": {"query": BALANCE}}, 4400),
        ({"type": "complete"}, 4400),
        ({"type": "next", "id": "1"}, 4400),
        ({}, 4400),
    ],
)
async def test_a_malformed_message_closes(live: Live, message: dict[str, Any], code: int) -> None:
    async with live.socket() as client:
        await client.send(**message)
        assert await client.closed() == code


async def test_a_name_in_use_closes(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.socket() as client:
        await client.subscribe()
        await client.told()
        await client.subscribe()
        assert await client.closed() == 4409


async def test_a_long_name_in_use_closes_with_as_much_of_it_as_a_frame_holds(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    name = "\N{ROCKET}" * 100
    async with live.socket() as client:
        await client.subscribe(name=name)
        await client.told(name)
        await client.subscribe(name=name)
        assert await client.closed() == 4409
        reason = client.connection.close_reason
    assert reason is not None
    assert reason.startswith("Subscriber for \N{ROCKET}")
    assert 119 < len(reason.encode()) <= 123


async def test_another_protocol_is_not_spoken(live: Live) -> None:
    url = f"ws://127.0.0.1:{live.port}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-ws")], proxy=None) as connection:
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 4406


async def test_no_other_path_has_a_web_socket(live: Live) -> None:
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{live.port}/health/live", proxy=None).__aenter__()


@pytest.mark.parametrize(
    ("payload", "codes"),
    [
        ({"query": "{ programme { name } }"}, ["SUBSCRIPTION_EXPECTED"]),
        ({"query": "mutation { join { __typename } }"}, ["SUBSCRIPTION_EXPECTED"]),
        ({"query": "subscription {"}, ["INVALID_DOCUMENT"]),
        ({"query": "subscription { balanceChanged { nothing } }"}, ["INVALID_DOCUMENT"]),
        ({"query": REDEMPTION}, ["INVALID_VARIABLES"]),
        ({"query": BALANCE, "variables": {"a": "\0"}}, ["INVALID_TEXT"]),
        ({"query": BALANCE, "variables": 1}, ["INVALID_REQUEST"]),
        ({"query": 1}, ["INVALID_REQUEST"]),
        ({}, ["DOCUMENT_MISSING"]),
        ({"documentId": "sha256:" + "0" * 64}, ["DOCUMENT_NOT_FOUND"]),
    ],
)
async def test_what_cannot_be_told_is_an_error_of_its_own(
    live: Live, payload: dict[str, Any], codes: list[str]
) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.socket() as client:
        await client.send(id="bad", type="subscribe", payload=payload)
        message = await client.next()
        assert (message["id"], message["type"], _codes(message)) == ("bad", "error", codes)
        await client.subscribe()  # the connection goes on
        assert (await client.told())["balanceChanged"]["spendable"] == 200


async def test_only_customers_are_told(live: Live) -> None:
    payload = {"authorization": f"Bearer {live.shop.secret_key}"}
    async with live.socket(payload) as client:
        await client.subscribe()
        assert _codes(await client.next()) == ["FORBIDDEN"]


async def test_a_connection_has_so_many_subscriptions_and_no_more(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_socket, "MOST_SUBSCRIPTIONS", 2)
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.socket() as client:
        for name in ("1", "2"):
            await client.subscribe(name=name)
            await client.told(name)
        await client.subscribe(name="3")
        assert _codes(await client.next()) == ["TOO_MANY_SUBSCRIPTIONS"]
        await client.send(id="1", type="complete")
        await client.send(type="ping")
        await client.next()
        await client.subscribe(name="3")
        await client.told("3")


async def test_a_customer_has_so_many_connections_and_no_more(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "MOST_OF_CUSTOMER", 1)
    async with live.socket():
        async with live.socket(introduced=False) as client:
            await client.send(type="connection_init", payload=await live.credentials())
            assert await client.closed() == 1013  # which a client tries again after
        async with live.socket(await live.credentials("c-2")):
            pass  # others are not concerned


async def test_who_says_nothing_is_few_and_soon_gone(hasty: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "MOST_WAITING", 1)
    async with hasty.socket(introduced=False) as silent:
        async with hasty.socket(introduced=False) as crowd:
            assert await crowd.closed(2) == 1013
        assert await silent.closed(2) == 4408


async def test_one_address_that_says_nothing_keeps_no_other_out(
    hasty: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "MOST_WAITING_OF_PEER", 1)
    monkeypatch.setattr(staying, "MOST_WAITING", 2)
    async with hasty.socket(introduced=False, peer="203.0.113.7") as silent:
        for _ in range(3):
            async with hasty.socket(introduced=False, peer="203.0.113.7") as crowd:
                assert await crowd.closed(2) == 1013
        async with hasty.socket(peer="203.0.113.8"):
            pass
        assert await silent.closed(2) == 4408
    async with hasty.socket(peer="203.0.113.7"):
        pass  # it may come when it has something to say


async def test_opening_and_subscribing_are_charged(database_url: str, db: Database) -> None:  # noqa: ARG001
    poor = Rates(GENEROUS, Rate(per_second=1, burst=60), GENEROUS)
    async with serving(database_url, None, rates=poor) as served:
        live = await served.open()
        async with live.socket() as client:
            types = []
            for number in range(6):
                await client.subscribe(name=str(number))
                message = await client.next()
                while message["type"] == "complete":  # c-1 has not joined
                    message = await client.next()
                types.append(message["type"])
                last = message
            assert types[0] == "next"
            assert types[-1] == "error"
            assert _codes(last) == ["RATE_LIMITED"]


@pytest.mark.parametrize("ending", ["expired", "revoked"])
async def test_a_connection_ends_with_its_credentials(hasty: Live, ending: str) -> None:
    await member_with_points(hasty.installation, hasty.shop.programme, 100)
    async with hasty.socket() as client:
        await client.subscribe()
        await client.told()
        if ending == "expired":
            hasty.clock.jump(hasty.clock() + tokens.LONGEST_LIFE + tokens.LEEWAY)
        else:
            async with hasty.installation.db.bare_transaction(hasty.shop.programme.id) as connection:
                await connection.execute("update token_key set revoked_at = now()")
            hasty.installation.keys.forget(hasty.shop.programme.id)
            for row in await _kids(hasty):
                hasty.installation.keys.forget(hasty.shop.programme.id, kid=row)
        assert await client.closed() == 4403


async def _kids(live: Live) -> list[str]:
    return [key.kid for key in await tokens.list_token_keys(live.installation, live.shop.programme.id)]


async def test_both_sides_show_that_they_live(hasty: Live) -> None:
    async with hasty.socket() as client:
        assert [await client.next() for _ in range(2)] == [{"type": "ping"}] * 2
        await client.send(type="pong")
        await client.send(type="ping", payload={"any": "thing"})
        assert await client.next() in ({"type": "pong"}, {"type": "ping"})


async def test_who_does_not_read_is_sent_away(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    # uvicorn pings and gets no pong; then it would wait for ever until all is sent.
    monkeypatch.setattr(protocol, "CLOSE_SECONDS", 0.3)
    programme = live.shop.programme
    await member_with_points(live.installation, programme, 1)
    alias = "a" * 5_000
    query = "subscription { balanceChanged { " + " ".join(f"{alias}{n}: spendable" for n in range(3)) + " } }"
    async with live.socket() as client:
        await client.subscribe(query)
        await client.told()
        raw: socket.socket = client.connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connection.transport.pause_reading()
        [waiting] = _protocols(live)
        async with asyncio.timeout(60):  # until it has piled up: on a busy machine several changes are told as one
            while waiting.writable.is_set():
                await give_points(live.installation, programme, "c-1", 1)
                await asyncio.sleep(0.005)
        waiting.keepalive_timeout()  # as after 40 seconds without a pong
        await live.settled()
        async with asyncio.timeout(5):
            while _protocols(live):  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.05)


async def test_who_does_not_read_is_not_heard_either(live: Live) -> None:
    # Each refusal that is not taken would be kept, and the task that waits to tell it.
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.socket() as client:
        [waiting] = _protocols(live)
        waiting.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        raw: socket.socket = client.connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connection.transport.pause_reading()
        crowd = asyncio.create_task(_subscribe_without_end(client))
        async with asyncio.timeout(10):
            while waiting.writable.is_set():  # noqa: ASYNC110  # it has none for that
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert _subscriptions() == web_socket.MOST_SUBSCRIPTIONS
        assert waiting.queue.qsize() < 2_000, "what was read and is not answered"
        crowd.cancel()
        client.connection.transport.abort()


async def _subscribe_without_end(client: Client) -> None:
    for number in count():
        await client.subscribe(name=f"{number:0100}")


async def test_what_was_completed_has_ended_before_more_is_heard(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else subscribing and completing by turns would begin work without a bound.
    subscribe, running = web_socket._Conversation._subscribe, []

    async def counting(conversation: web_socket._Conversation, message: dict[str, Any]) -> None:
        await subscribe(conversation, message)
        running.append(_subscriptions())

    monkeypatch.setattr(web_socket._Conversation, "_subscribe", counting)
    async with live.socket() as client:
        for _ in range(50):
            await client.subscribe()
            await client.send(id="1", type="complete")
        await client.send(type="ping")
        while await client.next() != {"type": "pong"}:
            pass
    assert running == [1] * 50


def _subscriptions() -> int:
    return sum(task.get_name() == "subscription" for task in asyncio.all_tasks())


def _protocols(live: Live) -> list[protocol.WebSocketProtocol]:
    return [one for one in live.server_state.connections if isinstance(one, protocol.WebSocketProtocol)]


async def test_a_web_socket_outlives_the_deadline_of_requests(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.3)
    async with live.socket() as client:
        await asyncio.sleep(0.6)
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}


async def test_nothing_is_left_of_who_has_gone(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    before = asyncio.all_tasks()
    for _ in range(3):
        async with live.socket() as client:
            await client.subscribe()
            await client.told()
            client.connection.transport.abort()
        await live.settled()
    await asyncio.sleep(0.1)
    ours = {"messages", "signs of life", "subscription", "credentials", "watches", "hints heard"}
    assert {task.get_name() for task in asyncio.all_tasks() - before} & ours == set()


async def test_a_process_that_stops_sends_everybody_away(database_url: str, db: Database) -> None:  # noqa: ARG001
    async with serving(database_url, None) as served:
        live = await served.open()
        async with live.socket() as client:
            live.stays.close()
            assert await client.closed(2) == 1001
        async with live.socket(introduced=False) as client:
            assert await client.closed(2) == 1013


def _codes(message: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in message["payload"]]
