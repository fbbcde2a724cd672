"""The demo's shop: a roastery with the widgets in its pages, and beside them what they asked and what it did.

Only ``pointbook demo`` has it. It is as a shop with Pointbook would be: its pages hold the elements, its server
gives the customer's token and reports orders and bookings. Who is signed in stands in a cookie, to be tried.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pointbook.domain.errors import PointbookError
from pointbook.http.demo_words import WORDS
from pointbook.http.pages import HEADERS, rendered
from pointbook.http.widget_scripts import SCRIPT, widget_files
from pointbook.services import account
from pointbook.services.bookings import submit_booking
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.returns import submit_return
from pointbook.services.tokens import create_customer_token
from pointbook.texts.phrasing import Phrasing

SHOP_PATH: Final = "/demo"
NEWCOMER: Final = "nora"
"""Known to the shop, and no member yet."""
_CURRENCY: Final = "EUR"
_STATUS: Final = "goods booked out"
_THEMES: Final = ("auto", "light", "dark")
_LOOK: Final = ("customer", "lang", "theme")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types pointbook pointbook-panels"
)
_HEADERS: Final = {**HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": _POLICY}


@dataclass(frozen=True, slots=True)
class Article:
    """What the shop sells. ``price`` in cents."""

    sku: str
    names: Mapping[str, str]
    price: int


ARTICLES: Final = (
    Article("espresso-1000", {"de": "Espresso, 1 kg", "en": "Espresso, 1 kg", "pl": "Espresso, 1 kg"}, 2690),
    Article("filter-500", {"de": "Filterkaffee, 500 g", "en": "Filter coffee, 500 g", "pl": "Kawa, 500 g"}, 1290),
    Article("decaf-250", {"de": "Entkoffeiniert, 250 g", "en": "Decaf, 250 g", "pl": "Bezkofeinowa, 250 g"}, 890),
    Article("grinder", {"de": "Handmühle", "en": "Hand grinder", "pl": "Młynek ręczny"}, 8900),
)
COURSE: Final = Article(
    "barista-course", {"de": "Barista-Kurs", "en": "Barista course", "pl": "Kurs baristy"}, 4900
)


@dataclass(slots=True)
class Visitor:
    """What a browser's cookies say."""

    customer: str | None
    lang: str
    theme: str
    cart: dict[str, int]

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.lang]


@dataclass(slots=True)
class DemoShop:
    """Its pages and what its server does. ``done``: by customer, what was ordered and booked in this run."""

    installation: Installation
    programme_id: int
    key: str
    customers: tuple[str, ...]
    clock: Callable[[], datetime]
    documents: Mapping[str, str]
    done: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def routes(self) -> list[BaseRoute]:
        pages = {"": self.products, "/cart": self.cart, "/account": self.account, "/course": self.course}
        acts = {"/look": self.look, "/add": self.add, "/order": self.order, "/book": self.book, "/undo": self.undo}
        return [
            *(Route(SHOP_PATH + path, page) for path, page in pages.items()),
            *(Route(SHOP_PATH + path, act, methods=["POST"]) for path, act in acts.items()),
            Route(f"{SHOP_PATH}/token", self.token),
            Route(f"{SHOP_PATH}/entries", self.entries),
            Route(f"{SHOP_PATH}/documents", self.names),
        ]

    async def products(self, request: Request) -> Response:
        return self._page(request, "demo_products.html.j2", articles=ARTICLES)

    async def cart(self, request: Request) -> Response:
        lines = _lines(_visitor(request))
        return self._page(request, "demo_cart.html.j2", lines=lines, cart=json.dumps(_cart(lines)))

    async def account(self, request: Request) -> Response:
        customer = _visitor(request).customer or ""
        return self._page(request, "demo_account.html.j2", done=reversed(self.done.get(customer, [])))

    async def course(self, request: Request) -> Response:
        return self._page(request, "demo_course.html.j2", course=COURSE)

    async def look(self, request: Request) -> Response:
        """Another customer, language or theme."""
        form = await _form(request)
        back = RedirectResponse(_back(request), 303)
        for name in _LOOK:
            if name in form:
                back.set_cookie(name, form[name], samesite="lax", path=SHOP_PATH)
        return back

    async def add(self, request: Request) -> Response:
        """So many of an article into the cart; 0 takes it out."""
        form, visitor = await _form(request), _visitor(request)
        quantity = form.get("quantity", "")
        visitor.cart[form.get("sku", "")] = min(int(quantity), 99) if quantity.isdecimal() else 1
        return _with_cart(f"{SHOP_PATH}/cart", visitor.cart)

    async def order(self, request: Request) -> Response:
        """The order is complete at once, so that one sees what it earns."""
        form, visitor = await _form(request), _visitor(request)
        lines = _lines(visitor)
        if visitor.customer is None or not lines:
            return RedirectResponse(f"{SHOP_PATH}/cart", 303)
        number = f"D-{self.clock():%H%M%S}-{next(self._numbers)}"
        document = {
            "externalId": number,
            "type": "SALE",
            "status": _STATUS,
            "placedAt": self.clock().isoformat(),
            "currency": _CURRENCY,
            "store": "web",
            "customer": {"externalId": visitor.customer},
            "lines": [
                {"id": sku, "articleId": sku, "quantity": quantity, "amount": _euros(amount)}
                for sku, _, quantity, amount in lines
            ],
            **({"voucherCode": form["voucher"]} if form.get("voucher") else {}),
        }
        refused = await self._told(visitor, number, submit_order, document)
        return _with_cart(
            f"{SHOP_PATH}/{'cart' if refused else 'account'}", visitor.cart if refused else {}, refused
        )

    async def book(self, request: Request) -> Response:
        """A course tomorrow."""
        visitor = _visitor(request)
        if visitor.customer is None:
            return RedirectResponse(f"{SHOP_PATH}/course", 303)
        starts = self.clock() + timedelta(days=1)
        number = f"B-{self.clock():%H%M%S}-{next(self._numbers)}"
        document = {
            "externalId": number,
            "serviceId": COURSE.sku,
            "startsAt": starts.isoformat(),
            "endsAt": (starts + timedelta(hours=2)).isoformat(),
            "status": "BOOKED",
            "customer": {"externalId": visitor.customer},
        }
        refused = await self._told(visitor, number, submit_booking, document)
        return _with_cart(f"{SHOP_PATH}/account", visitor.cart, refused)

    async def undo(self, request: Request) -> Response:
        """The order comes back as a whole, or the booking is cancelled."""
        form, visitor = await _form(request), _visitor(request)
        number = form.get("number")
        of = next((each for each in self.done.get(visitor.customer or "", []) if each["number"] == number), None)
        refused = None
        if of is not None and "serviceId" in of["document"]:
            cancelled = {**of["document"], "status": "CANCELLED"}
            refused = await self._told(visitor, None, submit_booking, cancelled)
        elif of is not None:
            back = {
                "externalId": f"{number}-R",
                "orderExternalId": number,
                "type": "RETURN",
                "currency": _CURRENCY,
                "everything": True,
            }
            refused = await self._told(visitor, None, submit_return, back)
        if of is not None:
            of["undone"] = refused is None
        return _with_cart(f"{SHOP_PATH}/account", visitor.cart, refused)

    async def token(self, request: Request) -> Response:
        customer = _visitor(request).customer
        if customer is None:
            return Response(status_code=204, headers=_HEADERS)
        made = await create_customer_token(self.installation, self.programme_id, customer, now=self.clock())
        return JSONResponse({"token": made.token}, headers=_HEADERS)

    async def entries(self, request: Request) -> Response:
        """The newest of the customer's account, for the drawer."""
        customer = _visitor(request).customer
        found = None
        if customer is not None:
            found = await account.history(
                self.installation, self.programme_id, customer, first=6, now=self.clock()
            )
        entries = [
            {
                "seq": entry.seq,
                "kind": entry.kind,
                "at": entry.at.isoformat(),
                "points": entry.points,
                "held": entry.held,
                "source": " ".join(filter(None, (entry.source_type, entry.source_id))),
            }
            for entry in found or ()
        ]
        return JSONResponse(entries, headers=_HEADERS)

    async def names(self, _request: Request) -> Response:
        """The trusted documents by their ids: what the drawer shows of a request."""
        return JSONResponse(dict(self.documents), headers=_HEADERS)

    async def _told(self, visitor: Visitor, number: str | None, tell: Any, document: dict[str, Any]) -> str | None:
        """Tell Pointbook of what happened; answers why it was refused, or None."""
        try:
            await tell(self.installation, self.programme_id, document, now=self.clock())
        except PointbookError as refusal:
            return str(refusal)
        if number is not None:
            mine = self.done.setdefault(visitor.customer or "", [])
            mine.append({"number": number, "document": document, "undone": False})
        return None

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        visitor = _visitor(request)
        say = Phrasing(visitor.lang, _CURRENCY)
        shown = {
            "shop": SHOP_PATH,
            "script": f"/widgets/v1/{widget_files()[SCRIPT].pinned_name}",
            "key": self.key,
            "visitor": visitor,
            "words": visitor.words,
            "customers": self.customers,
            "languages": tuple(WORDS),
            "themes": _THEMES,
            "money": say.money,
            "euros": _euros,
            "refused": request.query_params.get("refused"),
            **values,
        }
        return HTMLResponse(rendered(template, shown), headers=_HEADERS)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _visitor(request: Request) -> Visitor:
    given = request.cookies
    lang, theme = given.get("lang", ""), given.get("theme", "")
    skus = {article.sku for article in ARTICLES}
    pieces = (part.partition(":") for part in given.get("cart", "").split("."))
    cart = {sku: int(quantity) for sku, _, quantity in pieces if sku in skus and quantity.isdecimal()}
    return Visitor(
        given.get("customer") or None,
        lang if lang in WORDS else next(iter(WORDS)),
        theme if theme in _THEMES else _THEMES[0],
        cart,
    )


def _lines(visitor: Visitor) -> list[tuple[str, str, int, int]]:
    """SKU, name, quantity and amount in cents of what is in the cart."""
    by_sku = {article.sku: article for article in ARTICLES}
    return [
        (sku, by_sku[sku].names[visitor.lang], quantity, by_sku[sku].price * quantity)
        for sku, quantity in visitor.cart.items()
        if quantity
    ]


def _cart(lines: list[tuple[str, str, int, int]]) -> dict[str, Any]:
    """As the checkout's element takes it. Another content is another cart, so a former hold is not its own."""
    return {
        "id": "demo-" + "-".join(f"{sku}.{quantity}" for sku, _, quantity, _ in lines),
        "total": _euros(sum(amount for *_, amount in lines)),
        "currency": _CURRENCY,
        "store": "web",
        "lines": [
            {"id": sku, "articleId": sku, "quantity": str(quantity), "amount": _euros(amount)}
            for sku, _, quantity, amount in lines
        ],
    }


def _with_cart(path: str, cart: Mapping[str, int], refused: str | None = None) -> Response:
    url = path if refused is None else f"{path}?{urlencode({'refused': refused})}"
    answer = RedirectResponse(url, 303)
    answer.set_cookie(
        "cart", ".".join(f"{sku}:{number}" for sku, number in cart.items()), samesite="lax", path=SHOP_PATH
    )
    return answer


def _back(request: Request) -> str:
    """The page of ours that the form stood on."""
    asked = request.query_params.get("page", "")
    return asked if asked in {SHOP_PATH + path for path in ("", "/cart", "/account", "/course")} else SHOP_PATH


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
