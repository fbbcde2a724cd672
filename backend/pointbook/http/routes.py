"""Which path leads where."""

from starlette.routing import BaseRoute, Route, WebSocketRoute

from pointbook.http.endpoint import GraphQLEndpoint
from pointbook.http.gift_card_pages import GiftCardPages
from pointbook.http.health import Health
from pointbook.http.merge_pages import MergePages
from pointbook.http.notice_pages import NoticePages
from pointbook.http.pages import Pages, static
from pointbook.http.web_socket import WebSocketEndpoint
from pointbook.http.webhooks import WebhookReceiver
from pointbook.http.widget_scripts import widget_file
from pointbook.http.widgets import Widgets

GRAPHQL_PATH = "/graphql"
WEBHOOKS_PATH = "/webhooks"


def routes(
    *,
    endpoint: GraphQLEndpoint,
    sockets: WebSocketEndpoint,
    webhooks: WebhookReceiver,
    pages: Pages,
    cards: GiftCardPages,
    notices: NoticePages,
    merges: MergePages,
    widgets: Widgets,
    health: Health,
) -> list[BaseRoute]:
    """All routes of the HTTP face."""
    return [
        Route(GRAPHQL_PATH, endpoint),
        WebSocketRoute(GRAPHQL_PATH, sockets),
        Route(f"{WEBHOOKS_PATH}/{{endpoint_id}}", webhooks),
        Route("/", pages.home),
        Route("/graphiql", pages.graphiql),
        Route("/schema.graphql", pages.schema),
        Route("/gift-cards/{token}", cards.show),
        Route("/notices/unsubscribe/{token}", notices.unsubscribe, methods=["GET", "POST"]),
        Route("/merge/{token}", merges.show, methods=["GET", "POST"]),
        Route("/widgets/v1/{name}", widget_file),
        Route("/widgets/snippet/{widget}", widgets.snippet),
        Route("/widgets/frame/{widget}", widgets.frame),
        Route("/static/{name:path}", static),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
    ]
