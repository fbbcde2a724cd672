"""The application over the run's database, and a shop that calls it; shared by the tests of both faces."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from asgi_lifespan import LifespanManager
from starlette.applications import Starlette

from pointbook.app import create_app
from pointbook.domain.access import ALL_RIGHTS
from pointbook.http.rate_limit import Rate, Rates
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.tokens import create_customer_token
from pointbook.settings import Settings
from tests.support import NOW, SECRET, make_programme

GENEROUS = Rate(per_second=10**6, burst=10**7)


@dataclass
class Clock:
    """What the application takes for now."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Reply:
    """A response with its JSON, if it has one."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def data(self) -> Any:
        assert "errors" not in self.json, self.json
        return self.json["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


@dataclass
class Shop:
    """A programme, its keys, and requests as its parties send them."""

    client: httpx.AsyncClient
    installation: Installation
    clock: Clock
    programme: ProgrammeSnapshot
    secret_key: str
    publishable_key: str
    staff_key: str
    extra: dict[str, str] = field(default_factory=dict)

    async def send(self, body: object, headers: Mapping[str, str]) -> Reply:
        response = await self.client.post("/graphql", json=body, headers={**headers, **self.extra})
        return reply_of(response)

    async def as_server(self, query: str, **variables: Any) -> Reply:
        return await self.send({"query": query, "variables": variables}, self.server_headers)

    async def as_customer(self, query: str, *, customer: str = "c-1", **variables: Any) -> Reply:
        """The shop's server acts for its customer, so any document is run."""
        headers = await self.customer_headers(customer, key=self.secret_key)
        return await self.send({"query": query, "variables": variables}, headers)

    async def as_staff(self, query: str, **variables: Any) -> Reply:
        return await self.send({"query": query, "variables": variables}, self.staff_headers)

    async def as_guest(self, query: str, **variables: Any) -> Reply:
        return await self.send({"query": query, "variables": variables}, self.guest_headers)

    @property
    def server_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret_key}"}

    @property
    def staff_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.staff_key}"}

    @property
    def guest_headers(self) -> dict[str, str]:
        return {"Pointbook-Key": self.publishable_key}

    async def customer_headers(self, customer: str = "c-1", *, key: str | None = None) -> dict[str, str]:
        made = await create_customer_token(self.installation, self.programme.id, customer, now=self.clock())
        return {"Authorization": f"Bearer {made.token}", "Pointbook-Key": key or self.publishable_key}


def reply_of(response: httpx.Response) -> Reply:
    is_json = "json" in response.headers.get("content-type", "")
    return Reply(response.status_code, response.headers, response.json() if is_json else None)


async def make_shop(
    app: Starlette, client: httpx.AsyncClient, clock: Clock, settings: dict[str, Any] | None = None, **more: Any
) -> Shop:
    """``settings`` are the programme's; ``origins`` those of the publishable key."""
    origins: tuple[str, ...] = more.pop("origins", ())
    installation: Installation = app.state.installation
    programme = await make_programme(installation, settings, **more)
    secret = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=NOW)
    publishable = await create_key(
        installation, programme.id, NewKey(KeyKind.PUBLISHABLE, "page", origins=origins), now=NOW
    )
    staff = await create_key(installation, programme.id, NewKey(KeyKind.STAFF, "Anna", rights=ALL_RIGHTS), now=NOW)
    return Shop(client, installation, clock, programme, secret.text, publishable.text, staff.text)


@pytest.fixture(scope="session")
def session_clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(scope="session")
async def app(database_url: str, optional_redis_url: str | None, session_clock: Clock) -> AsyncIterator[Starlette]:
    settings = Settings.model_validate(
        {
            "database_url": database_url,
            "secret": SECRET,
            "redis_url": optional_redis_url,
            "smtp_url": "smtp://127.0.0.1:1",
            "mail_from": "points@pointbook.example",
        }
    )
    made = create_app(settings, clock=session_clock, rates=Rates(GENEROUS, GENEROUS, GENEROUS))
    async with LifespanManager(made):
        yield made


@pytest_asyncio.fixture(scope="session")
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.test") as made:
        yield made


@pytest.fixture
def clock(session_clock: Clock) -> Clock:
    session_clock.now = NOW
    return session_clock


@pytest_asyncio.fixture
async def shop(app: Starlette, client: httpx.AsyncClient, clock: Clock, emptied: None) -> Shop:  # noqa: ARG001
    """1.00 earns a point worth 0.05, 100 points for joining, usable at once."""
    return await make_shop(app, client, clock, {"signUpPoints": 100})
