"""The composition root of the API process: opens what it needs, puts the faces together, closes it again."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from pointbook.db.hints import Hints, valkey
from pointbook.db.session import Database
from pointbook.graphql.engine import Engine
from pointbook.graphql.masking import log_defect
from pointbook.graphql.schema import build_schema, printed
from pointbook.graphql.trusted import shipped
from pointbook.http.admission import Admission
from pointbook.http.endpoint import GraphQLEndpoint
from pointbook.http.gift_card_pages import GiftCardPages
from pointbook.http.health import Health
from pointbook.http.merge_pages import MergePages
from pointbook.http.notice_pages import NoticePages
from pointbook.http.pages import Pages
from pointbook.http.rate_limit import UNLIMITED, RateLimiter, Rates, ValkeyLeases
from pointbook.http.routes import routes
from pointbook.http.staying import Pace, Stays
from pointbook.http.web_socket import WebSocketEndpoint
from pointbook.http.webhooks import WebhookReceiver
from pointbook.http.widgets import Widgets
from pointbook.services.installation import Installation
from pointbook.settings import Settings


class Connections(NamedTuple):
    """The servers an application works with."""

    installation: Installation
    redis: Redis | None


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    rates: Rates | None = None,
    pace: Pace | None = None,
    connections: Connections | None = None,
    further: Sequence[BaseRoute] = (),
) -> Starlette:
    """The ASGI application, on ``connections`` that are the caller's to close, or on its lifespan's own.

    ``settings`` name the database and the secret. ``clock`` is what every request takes its instant from;
    ``rates`` are what callers may ask for, by default those of the product if ``settings`` limit them at all;
    ``pace`` is that of connections that stay. ``further`` routes are of pages that only some processes have.
    """
    allowed = rates or (Rates() if settings.rate_limits else UNLIMITED)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with contextlib.nullcontext(connections) if connections else opened(settings) as given:
            installation, redis = given
            schema = build_schema()
            health = Health(installation.db, redis)
            limiter = RateLimiter(None if redis is None else ValkeyLeases(redis))
            engine = Engine(schema, shipped(), installation, clock=clock)
            stays = Stays(Admission(installation, limiter, allowed, clock=clock), pace)
            endpoint = GraphQLEndpoint(engine, stays, report=_report)
            sockets = WebSocketEndpoint(engine, stays, report=_report)
            webhooks = WebhookReceiver(installation, limiter, allowed, clock=clock, report=_report)
            shown = {route.path for route in further if isinstance(route, Route)}
            pages = Pages(health, printed(schema), settings.public_url, shown)
            cards = GiftCardPages(installation, clock=clock, report=_report)
            notices = NoticePages(installation, clock=clock, report=_report)
            merges = MergePages(installation, clock=clock, report=_report)
            widgets = Widgets(installation, limiter, allowed, settings.public_url, clock=clock, report=_report)
            app.router.routes.extend(
                routes(
                    endpoint=endpoint,
                    sockets=sockets,
                    webhooks=webhooks,
                    pages=pages,
                    cards=cards,
                    notices=notices,
                    merges=merges,
                    widgets=widgets,
                    health=health,
                )
            )
            app.router.routes.extend(further)
            app.state.installation = installation
            app.state.stays = stays
            async with installation.watches.sharing(None if redis is None else Hints(redis)):
                yield
            stays.close()
            app.router.routes.clear()

    made = Starlette(lifespan=lifespan)
    made.router.redirect_slashes = False  # it would lead to whatever host the request names
    return made


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Connections]:
    """Connections to PostgreSQL, and to Valkey if one is configured.

    Raises OSError or asyncpg.PostgresError when PostgreSQL cannot be used; nothing is asked of Valkey yet.
    """
    assert settings.database_url is not None, "whoever starts the application has found a database for it"
    assert settings.secret is not None, "whoever starts the application has found its secret"
    db = await Database.connect(
        settings.database_url.get_secret_value(),
        pool_size=settings.pool_size,
        transaction_pooler=settings.transaction_pooler,
    )
    redis = None
    if settings.redis_url is not None:
        redis = valkey(settings.redis_url.get_secret_value())
    try:
        installation = Installation.of(
            db,
            settings.secret.get_secret_value(),
            webhooks_to_private=settings.webhooks_to_private,
            sends_mail=settings.smtp_url is not None,
        )
        yield Connections(installation, redis)
    finally:
        if redis is not None:
            await redis.aclose()
        await db.close()


def _report(defect: BaseException) -> str:
    return log_defect(defect, code="INTERNAL_ERROR", path=None)
