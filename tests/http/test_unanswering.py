"""A PostgreSQL that stops to answer, as one whose machine hangs: everybody who waits for it is told in time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient

from pointbook.app import create_app
from pointbook.db import session
from pointbook.db.session import Database
from pointbook.settings import Settings
from tests.faults.proxy import LossyProxy
from tests.http.fixtures import Clock, Shop, make_shop
from tests.support import SECRET, order_document

_SUBMIT = "mutation($input: SubmitOrderInput!) { submitOrder(input: $input) { __typename } }"

pytestmark = pytest.mark.usefixtures("emptied")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONNECT_SECONDS", "STATEMENT_SECONDS", "CLOSE_SECONDS"):
        monkeypatch.setattr(session, name, 0.5)


@contextlib.asynccontextmanager
async def _hung(database_url: str) -> AsyncIterator[Shop]:
    """A shop whose database answered until now."""
    async with LossyProxy(database_url, swallow=0, cut=0, seed=0) as proxy:
        settings = Settings.model_validate({"database_url": proxy.url, "secret": SECRET, "redis_url": None})
        app = create_app(settings, clock=Clock())
        transport = ASGITransport(app=app)
        async with AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
            manager = LifespanManager(app)
            await manager.__aenter__()
            shop = await make_shop(app, client, Clock())
            assert (await shop.as_server("{ programme { name } }")).status == 200  # the key is known from now on
            proxy.answers.clear()
            try:
                yield shop
            finally:
                with _within(3):
                    await manager.__aexit__()


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.mark.usefixtures("hurried")
async def test_a_request_is_told_to_come_again(database_url: str) -> None:
    async with _hung(database_url) as shop:
        with _within(4):
            reply = await shop.as_server(_SUBMIT, input={"order": order_document()})
        assert reply.codes == ["UNAVAILABLE"]
        with _within(4):  # without a connection, and for a key that is to be looked up
            unknown = await shop.send({"query": "{ me { id } }"}, {"Pointbook-Key": "pk_x"})
        assert (unknown.status, unknown.codes) == (503, ["UNAVAILABLE"])


@pytest.mark.usefixtures("hurried")
async def test_who_waits_for_a_connection_is_told_to_come_again(database_url: str) -> None:
    async with _hung(database_url) as shop:
        with _within(6):
            replies = await asyncio.gather(
                *(
                    shop.as_server(_SUBMIT, input={"order": order_document(f"o-{n}", customer_id=f"c-{n}")})
                    for n in range(40)
                )
            )
        assert [reply.codes for reply in replies] == [["UNAVAILABLE"]] * 40


async def test_readiness_is_denied_in_time_and_the_end_is_not_held_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CLOSE_SECONDS", 0.5)
    async with _hung(database_url) as shop:
        for _ in range(2):
            with _within(2.5):
                ready = await shop.client.get("/health/ready")
            assert (ready.status_code, ready.json()["postgresql"]) == (503, "unreachable")


async def test_a_request_that_the_end_cuts_off_is_a_503(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CLOSE_SECONDS", 0.5)
    async with _hung(database_url) as shop:
        request = asyncio.create_task(shop.as_server(_SUBMIT, input={"order": order_document()}))
        await asyncio.sleep(0.1)
        request.cancel()  # as uvicorn does with what still runs
        await asyncio.sleep(0.1)
        request.cancel()
        reply = await request
    assert (reply.status, reply.codes) == (503, ["UNAVAILABLE"])


@pytest.mark.usefixtures("hurried")
async def test_a_patient_caller_waits_for_a_long_statement(database_url: str) -> None:
    patient, other = await Database.connect(database_url, patient=True), await Database.connect(database_url)
    async with patient.acquire() as connection:
        assert await connection.fetchval("select 1 from pg_sleep(0.7)") == 1
    with pytest.raises(TimeoutError):
        async with other.acquire() as connection:
            await connection.fetchval("select 1 from pg_sleep(0.7)")
    await patient.close()
    await other.close()
