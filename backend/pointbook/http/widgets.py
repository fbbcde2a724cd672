"""What a shop pastes: the snippet of a widget with its text already in it, and a page for who needs a frame."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.domain.access import CallerKind
from pointbook.domain.errors import InvalidInput, PointbookError, ProgrammeNotOpen
from pointbook.http import cors
from pointbook.http.authentication import Caller, Credentials, key_holder
from pointbook.http.failures import told, unavailable
from pointbook.http.pages import HEADERS, rendered
from pointbook.http.problems import Problem, bad_request, too_much
from pointbook.http.rate_limit import RateLimiter, Rates
from pointbook.http.strangers import Strangers, peer_of
from pointbook.http.widget_addresses import address, asked, participants_of, product_of, refusals_of_attributes
from pointbook.http.widget_scripts import SCRIPT, widget_files
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_quotes import ProductQuotes, product_points, service_points
from pointbook.services.installation import Installation
from pointbook.texts import product_text
from pointbook.texts.phrasing import Phrasing
from pointbook.texts.widget_texts import TITLES, join_offer

ROOM: Final = {"product": 0, "checkout": 286, "account": 561}
"""Pixels that a member's view takes on a phone below a line of text, in the longest language: so nothing moves."""
_OF_A_FRAME: Final = "light"
"""The theme of a frame that is not told another: it cannot see the page around."""
_COST: Final = 20
_CACHED: Final = "public, max-age=60, stale-while-revalidate=600"
_CACHED_BY_ONE: Final = "private, max-age=60, stale-while-revalidate=600"


@dataclass(frozen=True, slots=True)
class _Widget:
    """What was asked for. ``fallback``: lines that stand there until it has loaded; ``tag``: their language."""

    caller: Caller
    name: str
    attributes: Mapping[str, str]
    fallback: list[str]
    tag: str


@dataclass(slots=True)
class _Reply:
    """Headers that let the calling page read the answer, as far as it is known who calls."""

    shared: Mapping[str, str] = field(default_factory=lambda: cors.REFUSAL)


class Widgets:
    """What stands below ``/widgets/`` and depends on a programme."""

    def __init__(
        self,
        installation: Installation,
        limiter: RateLimiter,
        rates: Rates,
        public_url: str | None,
        *,
        clock: Callable[[], datetime],
        report: Callable[[BaseException], str],
    ) -> None:
        self._installation = installation
        self._limiter = limiter
        self._rates = rates
        self._strangers = Strangers(rates.stranger)
        self._public_url = public_url
        self._clock = clock
        self._report = report

    async def snippet(self, request: Request) -> Response:
        """The HTML of one widget, for a person to paste or for a shop's server to include."""
        return await self._answered(request, self._snippet)

    async def frame(self, request: Request) -> Response:
        """A page that is nothing but the widget."""
        return await self._answered(request, self._frame)

    async def _answered(self, request: Request, answer: Callable[[Request, _Reply], Any]) -> Response:
        reply = _Reply()
        try:
            made: Response = await answer(request, reply)
        except Problem as given:
            problem = given
        except PointbookError as refusal:
            problem = bad_request(refusal.code, str(refusal))
        except asyncio.CancelledError:  # the server ends
            problem = unavailable()
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            problem = told(failure, self._report)
        else:
            return made
        headers = {**HEADERS, "Cache-Control": "no-store", **reply.shared, **problem.headers}
        return PlainTextResponse(f"{problem}\n", problem.status, headers=headers)

    async def _snippet(self, request: Request, reply: _Reply) -> Response:
        widget = await self._widget(request, reply)
        script = widget_files()[SCRIPT]
        evergreen = request.query_params.get("script") == "evergreen"
        content = rendered(
            "widget_snippet.html.j2",
            {
                "script": f"{self._url(request)}/widgets/v1/{script.name if evergreen else script.pinned_name}",
                "integrity": None if evergreen else script.integrity,
                "widget": widget.name,
                "attributes": widget.attributes,
                "fallback": widget.fallback,
                "room": 0 if request.query_params.get("signed-in") == "no" else ROOM[widget.name],
            },
        )
        # Else the script's address is what the caller says that ours is, and not for others.
        caching = _CACHED if self._public_url else _CACHED_BY_ONE
        return HTMLResponse(
            content + "\n", headers={"Cache-Control": caching, "Vary": "Origin", **_PLAIN, **reply.shared}
        )

    async def _frame(self, request: Request, reply: _Reply) -> Response:
        widget = await self._widget(request, reply)
        for name in ("join-url", "login-url"):
            if name in widget.attributes and not address(name, widget.attributes[name]).netloc:
                raise InvalidInput(name, "must begin with https:// here: a frame is not on the shop's site")
        origins = " ".join(widget.caller.origins) or "*"
        content = rendered(
            "widget_frame.html.j2",
            {
                "files": {name: file.pinned_name for name, file in widget_files().items()},
                "widget": widget.name,
                "attributes": {"theme": _OF_A_FRAME, **widget.attributes},
                "fallback": widget.fallback,
                "tag": widget.tag,
                "parents": origins,
            },
        )
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
            f"trusted-types pointbook pointbook-panels; frame-ancestors {origins}"
        )
        return HTMLResponse(
            content, headers={"Cache-Control": _CACHED, "Content-Security-Policy": policy, **_PLAIN}
        )

    async def _widget(self, request: Request, reply: _Reply) -> _Widget:
        name, attributes = asked(request)
        caller = await self._caller(request)
        reply.shared = cors.origin_headers(request.headers, caller.origins)
        programme = await self._installation.programmes.get(caller.principal.programme_id)
        say = Phrasing(attributes.get("lang") or programme.locales[0], programme.currency)
        fallback = await self._fallback(name, attributes, programme, say)
        return _Widget(caller, name, attributes, fallback, say.tag)

    async def _caller(self, request: Request) -> Caller:
        """Whose widget it is, by the publishable key in the address: it is shown to everybody anyway."""
        key = request.query_params.get("api-key", "")
        async with self._strangers.trying(peer_of(request.scope.get("client")), key):
            caller = await key_holder(self._installation, Credentials(key, None), now=self._clock())
            if caller.principal.kind is not CallerKind.GUEST:
                raise bad_request("KEY_NOT_PUBLISHABLE", "A page has a publishable key: pk_...")
        bucket = f"{caller.principal.programme_id}:{caller.principal.key_id}"
        decision = await self._limiter.take(bucket, _COST, self._rates.of(CallerKind.GUEST))
        if not decision.allowed:
            raise too_much(decision.retry_after)
        return caller

    async def _fallback(
        self, widget: str, attributes: Mapping[str, str], programme: ProgrammeSnapshot, say: Phrasing
    ) -> list[str]:
        """The lines that stand there until the widget has loaded: of a product, what a guest would see."""
        if widget in TITLES:
            return [TITLES[widget](programme.name, say)]
        try:
            quotes = await self._quoted(attributes, programme.id)
        except ProgrammeNotOpen:
            return []
        [points] = quotes.points
        text = product_text(
            points, quotes.settings, programme=programme.name, currency=programme.currency, locale=say.tag
        ).whole
        return [line for line in (text, join_offer(quotes.sign_up, say) if quotes.sign_up else "") if line]

    async def _quoted(self, attributes: Mapping[str, str], programme_id: int) -> ProductQuotes:
        installation = self._installation
        now = await installation.programmes.now(programme_id, self._clock())
        placed = {"store": attributes.get("store"), "entry_channel": attributes.get("entry-channel")}
        with refusals_of_attributes():
            if "service" in attributes:
                participants = participants_of(attributes)
                return await service_points(
                    installation, programme_id, attributes["service"], participants=participants, **placed, now=now
                )
            products, leaves = [product_of(attributes)], attributes.get("exit-channel")
            return await product_points(
                installation, programme_id, products, **placed, exit_channel=leaves, now=now
            )

    def _url(self, request: Request) -> str:
        return (self._public_url or str(request.base_url)).rstrip("/")


_PLAIN: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
