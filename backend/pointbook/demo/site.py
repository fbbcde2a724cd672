"""The demo's site: shops with the widgets in their pages, and beside them what they asked and what it did.

It is as a shop with Pointbook would be: its pages hold the elements, its server gives the customer's token and
reports orders and bookings, and asks whether a voucher code is good. Who is signed in stands in a cookie, to be
tried. Time goes on by buttons, too: the programmes are sandboxes.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pointbook.demo import OpenShop
from pointbook.demo.calls import MOST, MOVE_CLOCK, VOUCHER, Calls
from pointbook.demo.deals import Act, Deals
from pointbook.demo.shops import NEWCOMER, Article, Shop
from pointbook.demo.visitors import CART, THEMES, Visit, Visitor, chosen, form_of, visitor_of, written_cart
from pointbook.demo.words import REFUSALS, WORDS
from pointbook.domain.money import Money
from pointbook.graphql.engine import Engine
from pointbook.graphql.schema import build_schema
from pointbook.graphql.trusted import by_name
from pointbook.http.pages import HEADERS, rendered
from pointbook.http.widget_scripts import SCRIPT, widget_files
from pointbook.ledger import HistoryEntry, HoldState
from pointbook.services import account
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.tokens import create_customer_token
from pointbook.texts.phrasing import Phrasing

SITE_PATH: Final = "/demo"
_PAGES: Final = ("", "/cart", "/services", "/account")
_STEPS: Final = {"15m": timedelta(minutes=15), "1d": timedelta(days=1), "30d": timedelta(days=30)}
_KEPT_AS: Final = "demo-deals.json"
_MADE_UP: Final = 32
_ATTRIBUTES: Final = {
    "variationId": "variation",
    "productGroupIds": "groups",
    "kind": "kind",
    "toppingGroupId": "topping-group",
    "store": "store",
    "entryChannel": "entry-channel",
    "exitChannel": "exit-channel",
}
"""What the product's element calls fields of an order."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types pointbook pointbook-panels"
)
_HEADERS: Final = {**HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": _POLICY}

Opening = Callable[[Shop], Awaitable[OpenShop]]


@dataclass(slots=True)
class DemoSite:
    """Its pages and what its server does. ``clock`` is the real one; ``inbox``: the path of mail that was sent.

    ``documents`` are the trusted ones; in ``data_dir`` is kept what was ordered.
    """

    installation: Installation
    shops: Sequence[Shop]
    opening: Opening
    clock: Callable[[], datetime]
    documents: Mapping[str, str]
    data_dir: Path
    inbox: str | None = None
    _opened: dict[str, OpenShop] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _calls: Calls = field(init=False)
    _deals: Deals = field(init=False)

    def __post_init__(self) -> None:
        engine = Engine(build_schema(), self.documents, self.installation, clock=self.clock)
        self._calls = Calls(engine, self.installation, self.clock)
        self._deals = Deals(self._calls, self.data_dir / _KEPT_AS)

    @property
    def routes(self) -> list[BaseRoute]:
        pages = (self.products, self.cart, self.services, self.account)
        acts = {
            "/look": self.look,
            "/add": self.add,
            "/voucher": self.voucher,
            "/order": self.order,
            "/book": self.book,
            "/act": self.act,
            "/clock": self.move_clock,
        }
        return [
            *(Route(SITE_PATH + path, page) for path, page in zip(_PAGES, pages, strict=True)),
            *(Route(SITE_PATH + path, act, methods=["POST"]) for path, act in acts.items()),
            Route(f"{SITE_PATH}/token", self.token),
            Route(f"{SITE_PATH}/entries", self.entries),
            Route(f"{SITE_PATH}/documents", self.names),
        ]

    async def products(self, request: Request) -> Response:
        visit = await self._visit(request)
        if not visit.visitor.shop.articles:
            return RedirectResponse(f"{SITE_PATH}/services", 303, headers={"Cache-Control": "no-store"})
        articles = [(article, _attributes(article, visit.visitor.shop)) for article in visit.visitor.shop.articles]
        return self._page(request, visit, "demo_products.html.j2", articles=articles)

    async def cart(self, request: Request) -> Response:
        visit = await self._visit(request)
        shop, cart = visit.visitor.shop, visit.visitor.cart
        lines = [(shop.article(sku), number, shop.article(sku).price * number) for sku, number in cart.items()]
        return self._page(request, visit, "demo_cart.html.j2", lines=lines, cart=json.dumps(_cart(shop, cart)))

    async def services(self, request: Request) -> Response:
        return self._page(request, await self._visit(request), "demo_services.html.j2")

    async def account(self, request: Request) -> Response:
        return self._page(request, await self._visit(request), "demo_account.html.j2")

    async def look(self, request: Request) -> Response:
        """Another shop, customer, language or theme."""
        back = RedirectResponse(_back(request), 303)
        for name, value in chosen(await form_of(request), self._by_key).items():
            back.set_cookie(name, value, samesite="lax", path=SITE_PATH)
        return back

    async def add(self, request: Request) -> Response:
        """So many of an article into the cart; 0 takes it out."""
        form, visitor = await form_of(request), self._visitor(request)
        return _with_cart("/cart", visitor.with_in_cart(form.get("sku", ""), form.get("quantity", "")))

    async def voucher(self, request: Request) -> Response:
        """Whether points pay with a code, and how much of the cart; asked as the customer applies it."""
        form, visit = await form_of(request), await self._visit(request)
        visitor = visit.visitor
        call = await self._calls.send(visit, VOUCHER, {"code": form.get("voucher", "")})
        said = visitor.words["VOUCHER_NOT_USABLE"]
        if call.result is not None and call.result["state"] == HoldState.HELD:
            shop, money = visitor.shop, Phrasing(visitor.lang, visitor.shop.currency).money
            total = shop.total(visitor.cart)
            paid = min(total, Money.parse(call.result["value"]["amount"], shop.currency).amount)
            said = visitor.words["applied"].format(paid=money(paid), left=money(total - paid))
        return JSONResponse({"said": said, "told": self._told(visit)}, headers=_HEADERS)

    async def order(self, request: Request) -> Response:
        """It is not complete yet: that is the next button."""
        form, visit = await form_of(request), await self._visit(request)
        visitor = visit.visitor
        if visitor.customer is None or not visitor.cart:
            return RedirectResponse(f"{SITE_PATH}/cart", 303)
        refused = await self._deals.order(visit, form.get("voucher", ""))
        return _with_cart("/cart", visitor.cart, refused) if refused else _with_cart("/account", {}, drawer=True)

    async def book(self, request: Request) -> Response:
        form, visit = await form_of(request), await self._visit(request)
        visitor, service = visit.visitor, form.get("service", "")
        if visitor.customer is None or service not in {one.sku for one in visitor.shop.services}:
            return RedirectResponse(f"{SITE_PATH}/services", 303)
        refused = await self._deals.book(visit, service)
        return _to("/services", refused) if refused else _to("/account", drawer=True)

    async def act(self, request: Request) -> Response:
        """Complete, cancel or return an order, cancel a booking."""
        form, visit = await form_of(request), await self._visit(request)
        deal = next((one for one in self._deals.of(visit) if one.number == form.get("number")), None)
        refused = None
        if deal is not None and form.get("act") in deal.acts:
            refused = await self._deals.act(visit, deal, Act(form["act"]))
        return _to(_back(request).removeprefix(SITE_PATH), refused, drawer=True)

    async def move_clock(self, request: Request) -> Response:
        form, visit = await form_of(request), await self._visit(request)
        if visit.programme.sandbox and form.get("by") in _STEPS:
            seconds = int(_STEPS[form["by"]].total_seconds())
            asked = {"forwardSeconds": seconds, "idempotencyKey": token_hex(8)}
            await self._calls.send(visit, MOVE_CLOCK, {"input": asked})
        return _to(_back(request).removeprefix(SITE_PATH), drawer=True)

    async def token(self, request: Request) -> Response:
        visit = await self._visit(request)
        customer = visit.visitor.customer
        if customer is None:
            return Response(status_code=204, headers=_HEADERS)
        made = await create_customer_token(self.installation, visit.programme.id, customer, now=self.clock())
        return JSONResponse({"token": made.token}, headers=_HEADERS)

    async def entries(self, request: Request) -> Response:
        """The newest of the customer's account, for the drawer."""
        visit = await self._visit(request)
        customer, programme = visit.visitor.customer, visit.programme
        found = None
        if customer is not None:
            found = await account.history(self.installation, programme.id, customer, first=MOST, now=visit.now)
        entries = [
            {**_entry(entry), "seq": entry.seq, "at": _shown(entry.at, programme), "source": _source(entry)}
            for entry in found or ()
        ]
        return JSONResponse(entries, headers=_HEADERS)

    async def names(self, _request: Request) -> Response:
        """The trusted documents by their ids, also the short ones: what the drawer shows of a request."""
        return JSONResponse(dict(by_name(self.documents)), headers=_HEADERS)

    def _visitor(self, request: Request) -> Visitor:
        return visitor_of(request, self._by_key)

    @property
    def _by_key(self) -> dict[str, Shop]:
        return {shop.key: shop for shop in self.shops}

    async def _visit(self, request: Request) -> Visit:
        visitor = self._visitor(request)
        opened = await self._open(visitor.shop)
        programme = await self.installation.programmes.get(opened.programme_id)
        return Visit(visitor, programme, opened.key, programme.now(self.clock()))

    async def _open(self, shop: Shop) -> OpenShop:
        """Who looks first waits until the shop's programme is made, and so does whoever comes meanwhile."""
        async with self._turns[shop.key]:
            if shop.key not in self._opened:
                self._opened[shop.key] = await self.opening(shop)
        return self._opened[shop.key]

    def _told(self, visit: Visit) -> list[dict[str, Any]]:
        """What the shop's server asked last for its customer, the oldest first, as the drawer takes it."""
        return [
            {
                "id": call.id,
                "by": call.document.by,
                "text": call.document.text,
                "variables": call.variables,
                "answer": call.answer,
                "entries": [_entry(entry) for entry in call.entries],
            }
            for call in self._calls.newest(visit)
        ]

    def _page(self, request: Request, visit: Visit, template: str, **values: Any) -> Response:
        visitor, shop = visit.visitor, visit.visitor.shop
        shown = {
            "site": SITE_PATH,
            "script": f"/widgets/v1/{widget_files()[SCRIPT].pinned_name}",
            "key": visit.key,
            "shop": shop,
            "visitor": visitor,
            "words": visitor.words,
            "here": request.url.path.removeprefix(SITE_PATH),
            "pages": list(_pages(shop).items()),
            "shop_names": [(one.key, one.title) for one in self.shops],
            "customers": [(name, name) for name in (*shop.members, NEWCOMER)],
            "languages": [(tag, tag) for tag in WORDS],
            "themes": [(theme, visitor.words[theme]) for theme in THEMES],
            "money": Phrasing(visitor.lang, shop.currency).money,
            "refused": _refusal(visitor, request.query_params.get("refused")),
            "deals": self._deals.of(visit),
            "told": json.dumps(self._told(visit)),
            "time": _shown(visit.now, visit.programme) if visit.programme.sandbox else None,
            "steps": tuple(_STEPS),
            "inbox": self.inbox,
            **values,
        }
        return HTMLResponse(rendered(template, shown), headers=_HEADERS)


def _pages(shop: Shop) -> dict[str, str]:
    """What the shop has pages for, and the word for each."""
    sold = {"": "products", "/cart": "cart"} if shop.articles else {}
    return {**sold, **({"/services": "services"} if shop.services else {}), "/account": "account"}


def _attributes(article: Article, shop: Shop) -> dict[str, str]:
    """Of the article's element."""
    more = {
        _ATTRIBUTES[name]: ",".join(value) if isinstance(value, list) else value
        for name, value in article.more.items()
    }
    place = {_ATTRIBUTES[name]: value for name, value in shop.place.items()}
    return {
        "article": article.sku,
        "price": shop.decimal(article.price),
        "quantity-from": f"#q-{article.sku}",
        "join-url": f"{SITE_PATH}/account",
        **more,
        **place,
    }


def _refusal(visitor: Visitor, code: str | None) -> str | None:
    """What is said of it; the drawer has what Pointbook says."""
    if code is None:
        return None
    return visitor.words[code if code in REFUSALS else "REFUSED"]


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "points": entry.points, "held": entry.held}


def _source(entry: HistoryEntry) -> str:
    """Without ids that nobody wrote."""
    of, name = entry.source_type or "", entry.source_id or ""
    return of if len(name) >= _MADE_UP else f"{of} {name}".strip()


def _shown(at: datetime, programme: ProgrammeSnapshot) -> str:
    return f"{at.astimezone(programme.zone):%Y-%m-%d %H:%M}"


def _cart(shop: Shop, cart: Mapping[str, int]) -> dict[str, Any]:
    """As the checkout's element takes it. Another content is another cart, so a former hold is not its own."""
    return {
        "id": "demo-" + written_cart(cart),
        "total": shop.decimal(shop.total(cart)),
        "currency": shop.currency,
        "lines": shop.lines(cart),
        **shop.place,
    }


def _to(path: str, refused: str | None = None, *, drawer: bool = False) -> Response:
    query = "" if refused is None else f"?{urlencode({'refused': refused})}"
    return RedirectResponse(f"{SITE_PATH}{path}{query}{'#drawer' if drawer else ''}", 303)


def _with_cart(
    path: str, cart: Mapping[str, int], refused: str | None = None, *, drawer: bool = False
) -> Response:
    answer = _to(path, refused, drawer=drawer)
    answer.set_cookie(CART, written_cart(cart), samesite="lax", path=SITE_PATH)
    return answer


def _back(request: Request) -> str:
    """The page of ours that the form stood on."""
    asked = request.query_params.get("page", "")
    return asked if asked in {SITE_PATH + path for path in _PAGES} else SITE_PATH
