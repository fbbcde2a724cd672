"""Token buckets: leased from the shared store, kept alone without it, and never a reason to wait for long."""

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import jwt
import pytest
from asgi_lifespan import LifespanManager
from httpx import ASGITransport, AsyncClient
from redis.asyncio import Redis
from starlette.applications import Starlette
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pointbook.app import Connections, create_app
from pointbook.cli import processes
from pointbook.domain.access import CallerKind
from pointbook.graphql.guard import MAX_COST
from pointbook.graphql.trusted import shipped
from pointbook.http.guard import MAX_BODY, MAX_SERVER_BODY
from pointbook.http.problems import Problem, unauthenticated
from pointbook.http.rate_limit import Lease, Rate, RateLimiter, Rates, ValkeyLeases
from pointbook.http.strangers import Strangers, peer_of
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.settings import Settings
from tests.http.fixtures import Clock, Shop, make_shop
from tests.http.statements import statements
from tests.support import SECRET

RATE = Rate(per_second=10, burst=100)


@dataclass
class Time:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Store:
    """A shared bucket that counts how often it is asked."""

    tokens: int = 100
    asked: list[tuple[int, int]] = field(default_factory=list)
    away: bool = False

    async def lease(self, key: str, rate: Rate, wanted: int, needed: int) -> Lease:  # noqa: ARG002
        self.asked.append((wanted, needed))
        if self.away:
            raise ConnectionRefusedError
        if self.tokens < needed:
            return Lease(0, (needed - self.tokens) / rate.per_second)
        granted = min(wanted, self.tokens)
        self.tokens -= granted
        return Lease(granted, 0)


async def test_most_requests_are_decided_in_memory() -> None:
    store = Store()
    limiter = RateLimiter(store, clock=Time())
    decisions = [await limiter.take("a", 1, RATE) for _ in range(100)]
    assert all(decision.allowed for decision in decisions)
    assert store.asked == [(10, 1)] * 10  # a lease is a tenth of the burst


async def test_an_empty_bucket_refuses_without_asking_again() -> None:
    store, time = Store(tokens=5), Time()
    limiter = RateLimiter(store, clock=time)
    assert (await limiter.take("a", 5, RATE)).allowed
    refused = [await limiter.take("a", 30, RATE) for _ in range(50)]
    assert {(decision.allowed, decision.retry_after) for decision in refused} == {(False, 3)}
    assert len(store.asked) == 2
    time.now += 3
    store.tokens = 30
    assert (await limiter.take("a", 30, RATE)).allowed


async def test_a_large_request_that_is_refused_does_not_block_small_ones() -> None:
    store = Store(tokens=40)
    limiter = RateLimiter(store, clock=Time())
    assert not (await limiter.take("a", 90, RATE)).allowed
    assert [(await limiter.take("a", 5, RATE)).allowed for _ in range(8)] == [True] * 8
    assert not (await limiter.take("a", 5, RATE)).allowed
    asked = len(store.asked)
    assert not (await limiter.take("a", 90, RATE)).allowed
    assert not (await limiter.take("a", 5, RATE)).allowed
    assert len(store.asked) == asked


@pytest.mark.parametrize("kind", CallerKind)
async def test_the_dearest_operation_can_be_run_after_what_is_taken_before_it(kind: CallerKind) -> None:
    rate, limiter = Rates().of(kind), RateLimiter(None, clock=Time())
    for cost in (1, MAX_BODY // 100, MAX_COST):
        assert (await limiter.take("a", cost, rate)).allowed


async def test_callers_do_not_share_a_bucket() -> None:
    limiter = RateLimiter(None, clock=Time())
    assert (await limiter.take("a", 100, RATE)).allowed
    assert not (await limiter.take("a", 1, RATE)).allowed
    assert (await limiter.take("b", 1, RATE)).allowed


async def test_without_the_store_the_process_keeps_the_bucket_itself() -> None:
    store, time = Store(away=True), Time()
    limiter = RateLimiter(store, clock=time)
    assert [(await limiter.take("a", 50, RATE)).allowed for _ in range(3)] == [True, True, False]
    assert len(store.asked) == 1  # it is not asked for a while
    time.now += 2
    store.away = False
    assert (await limiter.take("a", 50, RATE)).allowed
    assert len(store.asked) == 2


async def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    time = Time()
    limiter = RateLimiter(None, clock=time)
    assert (await limiter.take("a", 100, RATE)).allowed
    time.now += 2.5
    assert (await limiter.take("a", 25, RATE)).allowed
    refused = await limiter.take("a", 7, RATE)
    assert (refused.allowed, refused.retry_after) == (False, 1)
    time.now += 10_000
    assert (await limiter.take("a", 100, RATE)).allowed
    assert not (await limiter.take("a", 1, RATE)).allowed


async def test_a_cost_above_the_burst_is_possible_with_a_full_bucket() -> None:
    limiter = RateLimiter(None, clock=Time())
    assert (await limiter.take("a", 5_000, RATE)).allowed
    assert not (await limiter.take("a", 1, RATE)).allowed


async def test_racing_requests_of_one_caller_get_what_there_is() -> None:
    limiter = RateLimiter(Store(tokens=55), clock=Time())
    decisions = await asyncio.gather(*(limiter.take("a", 10, RATE) for _ in range(20)))
    assert sum(decision.allowed for decision in decisions) == 5


async def test_processes_share_a_bucket_in_valkey(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    name, slow = f"test-{secrets.token_hex(6)}", Rate(per_second=1, burst=100)
    first, second = (RateLimiter(ValkeyLeases(redis)) for _ in range(2))
    allowed = 0
    for _ in range(200):
        for limiter in (first, second):
            allowed += (await limiter.take(name, 1, slow)).allowed
    assert 100 <= allowed <= 105  # a second or two may have passed
    assert 0 < await redis.pttl(f"pb:rate:{name}") <= 101_000
    refused = await RateLimiter(ValkeyLeases(redis)).take(name, 50, slow)
    assert not refused.allowed
    assert 40 <= refused.retry_after <= 51
    await redis.delete(f"pb:rate:{name}")
    await redis.aclose()


async def test_a_valkey_that_is_gone_refuses_nobody() -> None:
    redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    limiter = RateLimiter(ValkeyLeases(redis))
    decisions = [await limiter.take("a", 1, RATE) for _ in range(50)]
    assert all(decision.allowed for decision in decisions)
    await redis.aclose()


@pytest.mark.usefixtures("emptied")
async def test_too_many_requests_are_429_with_the_time_to_wait(database_url: str) -> None:
    settings = Settings.model_validate({"database_url": database_url, "secret": SECRET, "redis_url": None})
    tight = Rate(per_second=1, burst=25)  # two requests, and 8 seconds of patience
    clock = Clock()
    app = create_app(settings, clock=clock, rates=Rates(tight, tight, tight))
    transport: Any = ASGITransport(app=app)
    async with LifespanManager(app), AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
        shop = await make_shop(app, client, clock)
        replies = [await shop.as_server("{ programme { name } }") for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 429, 429]
        assert replies[2].codes == ["RATE_LIMITED"]
        assert 1 <= int(replies[2].headers["retry-after"]) <= 12
        # others still have theirs: each customer, and the page's visitors
        assert (await shop.as_customer("{ me { id } }")).status == 200
        assert (await shop.as_customer("{ me { id } }", customer="c-2")).status == 200
        # what is refused costs, too
        shouted = [(await shop.as_customer("{", customer="c-3")).status for _ in range(4)]
        assert shouted == [200, 200, 429, 429]


@pytest.mark.usefixtures("emptied")
async def test_the_name_of_a_customers_bucket_is_no_plain_digest_of_their_id(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    take = RateLimiter.take

    async def seen(self: RateLimiter, key: str, cost: int, rate: Rate) -> Any:
        names.append(key)
        return await take(self, key, cost, rate)

    monkeypatch.setattr(RateLimiter, "take", seen)
    for secret in (SECRET, "another secret of the same length and more"):
        settings = Settings.model_validate({"database_url": database_url, "secret": secret, "redis_url": None})
        app = create_app(settings, clock=Clock())
        transport: Any = ASGITransport(app=app)
        async with (
            LifespanManager(app),
            AsyncClient(transport=transport, base_url="http://pointbook.test") as client,
        ):
            shop = await make_shop(app, client, Clock())
            assert (await shop.as_customer("{ me { id } }", customer="4711")).status == 200
    digests = {name.partition(":")[2] for name in names if len(name.partition(":")[2]) == 24}
    assert len(digests) == 2
    plain = hashlib.sha256(b"4711").hexdigest()[:24]
    assert plain not in digests


@pytest.mark.usefixtures("emptied")
async def test_a_large_request_of_a_page_costs_more_than_a_servers_however_it_is_sent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = RateLimiter.take

    async def seen(self: RateLimiter, key: str, cost: int, rate: Rate) -> Any:
        taken.append(cost)
        return await take(self, key, cost, rate)

    monkeypatch.setattr(RateLimiter, "take", seen)
    products = [{"articleId": "x" * 100, "price": "1"}] * 50
    document = next(name for name, text in shipped().items() if text.startswith("query ProductPointsList("))
    body = {"documentId": document, "variables": {"products": products}}
    async with _limited(database_url, Rates()) as shop:
        for headers, per_cost in ((shop.guest_headers, 100), (shop.server_headers, 5_000)):
            taken.clear()
            reply = await shop.send(body, headers)
            size, cost = (
                len(json.dumps(body, separators=(",", ":"))),
                reply.json["extensions"]["cost"]["requested"],
            )
            assert size > 5_000
            assert taken == [1, size // per_cost, cost]
        taken.clear()
        parameters = {"documentId": document, "variables": json.dumps(body["variables"])}
        got = await shop.client.get("/graphql", params=parameters, headers=shop.guest_headers)
        assert taken == [1, len(got.request.url.query) // 100, cost]
        taken.clear()
        await shop.send({**body, "variables": {"products": products[:2]}}, shop.guest_headers)
        assert taken == [1, cost]


@contextlib.asynccontextmanager
async def _limited(database_url: str, rates: Rates) -> AsyncIterator[Shop]:
    settings = Settings.model_validate({"database_url": database_url, "secret": SECRET, "redis_url": None})
    app = create_app(settings, clock=Clock(), rates=rates)
    transport: Any = ASGITransport(app=app)
    async with LifespanManager(app), AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
        yield await make_shop(app, client, Clock())


@pytest.mark.usefixtures("emptied")
async def test_guessing_keys_is_not_free_and_stops_nobody_else(database_url: str) -> None:
    query = {"query": "{ programme { name } }"}
    async with _limited(database_url, Rates(stranger=Rate(per_second=1, burst=5))) as shop:
        assert (await shop.send(query, shop.server_headers)).status == 200
        guesses = [await shop.send(query, {"Pointbook-Key": f"pk_{n}"}) for n in range(6)]
        assert [guess.codes for guess in guesses] == [["KEY_UNKNOWN"]] * 6
        with statements() as sent:
            guess = await shop.send(query, {"Pointbook-Key": "pk_x"})
        assert (guess.status, guess.codes, guess.headers["retry-after"]) == (429, ["RATE_LIMITED"], "1")
        assert guess.headers["access-control-allow-origin"] == "*"
        assert sent == []
        assert (await shop.send(query, shop.server_headers)).status == 200


@pytest.mark.usefixtures("emptied")
async def test_guessing_tokens_is_not_free_and_stops_nobody_else(database_url: str) -> None:
    query = {"query": "{ me { id } }"}
    async with _limited(database_url, Rates(stranger=Rate(per_second=1, burst=5))) as shop:
        known = await shop.customer_headers(key=shop.secret_key)
        assert (await shop.send(query, known)).status == 200
        guesses = [{**known, "Authorization": f"Bearer {_token_of(f'kid-{n}')}"} for n in range(7)]
        refused = [(await shop.send(query, guess)).codes for guess in guesses[:6]]
        assert refused == [["TOKEN_INVALID"]] * 6
        with statements() as sent:
            assert (await shop.send(query, guesses[6])).codes == ["RATE_LIMITED"]
        assert sent == []
        assert (await shop.send(query, known)).status == 200
        forged = {**known, "Authorization": f"{known['Authorization'][:-9]}{'A' * 9}"}
        assert (await shop.send(query, forged)).codes == ["TOKEN_INVALID"]
        for n in range(5):  # others than the one before, as each customer has
            fresh = await shop.customer_headers(f"c-new-{n}", key=shop.secret_key)
            assert (await shop.send(query, fresh)).status == 200


def _token_of(kid: str) -> str:
    return jwt.encode(
        {"sub": "c-1"}, "a secret that is long enough to sign", algorithm="HS256", headers={"kid": kid}
    )


@pytest.mark.usefixtures("emptied")
@pytest.mark.parametrize("refused", ["token", "size", "JSON", "origin"])
async def test_what_is_refused_before_the_document_costs_too(database_url: str, refused: str) -> None:
    tight = Rate(per_second=1, burst=25)
    async with _limited(database_url, Rates(tight, tight, tight)) as shop:
        headers = {"Pointbook-Key": shop.secret_key, "Content-Type": "application/json"}
        content = {"size": b"x" * (MAX_SERVER_BODY + 1), "JSON": b"{"}.get(refused, b"{}")
        if refused == "token":
            headers["Authorization"] = f"Bearer {_token_of('kid')}"
        if refused == "origin":
            installation, command = (
                shop.installation,
                NewKey(KeyKind.PUBLISHABLE, "x", origins=("https://a.example",)),
            )
            key = await create_key(installation, shop.programme.id, command, now=shop.clock())
            headers |= {"Pointbook-Key": key.text, "Origin": "https://b.example"}
        answers = [await shop.client.post("/graphql", content=content, headers=headers) for _ in range(4)]
        assert answers[0].status_code == {"token": 401, "size": 413, "JSON": 400, "origin": 403}[refused]
        assert answers[1].status_code == answers[0].status_code
        assert answers[3].status_code == 429


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::", 9), "2001:db8:1:2::/64"),
        (("a-name", 0), "a-name"),
        (None, "unknown"),
    ],
)
def test_a_peer_is_an_address_or_a_site(client: tuple[str, int] | None, peer: str) -> None:
    assert peer_of(client) == peer


async def test_a_peer_that_is_shut_out_is_let_in_again() -> None:
    time = Time()
    strangers = Strangers(Rate(per_second=1, burst=1), clock=time)

    async def guess() -> str:
        try:
            async with strangers.trying("192.0.2.7", "pk_x"):
                raise unauthenticated("KEY_UNKNOWN", "No.")
        except Problem as problem:
            return problem.code

    assert [await guess() for _ in range(4)] == ["KEY_UNKNOWN", "KEY_UNKNOWN", "RATE_LIMITED", "RATE_LIMITED"]
    async with strangers.trying("192.0.2.8", "pk_x"):
        pass  # nobody else is shut out, and this one was good
    time.now += 1
    assert await guess() == "KEY_UNKNOWN"


async def test_a_trusted_proxy_tells_who_calls(app: Starlette) -> None:
    settings = Settings.model_validate({"database_url": "postgresql:///x", "trusted_proxies": "10.0.0.0/8,::1"})
    server = processes._Server(settings, Connections(app.state.installation, None))
    for proxy, seen in (("10.1.2.3", "203.0.113.7"), ("::1", "203.0.113.7"), ("127.0.0.1", "127.0.0.1")):
        clients: list[Any] = []

        async def note(scope: Any, *_: Any, seen_by: list[Any] = clients) -> None:
            seen_by.append(scope["client"][0])

        middleware = ProxyHeadersMiddleware(note, trusted_hosts=server.config.forwarded_allow_ips)
        scope: Any = {"type": "http", "client": (proxy, 1), "headers": [(b"x-forwarded-for", b"203.0.113.7")]}
        await middleware(scope, cast("Any", None), cast("Any", None))
        assert clients == [seen]
