"""A shop's back end and its customers, as they speak to Pointbook over HTTP, with a clock that a test moves."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from pointbook.app import create_app
from pointbook.domain.access import ALL_RIGHTS
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.http.rate_limit import UNLIMITED
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import RuleView, create_rule
from pointbook.services.installation import Installation
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.settings_versions import change_settings
from pointbook.settings import Settings
from tests.support import SECRET, booking_document, make_programme, order_document

_ERRORS = "__typename ... on UserError { code message }"
_TOO_FEW = "... on InsufficientPoints { requested available }"
_REFUSALS = f"""
  {_ERRORS}
  {_TOO_FEW}
  ... on BelowMinimum {{ minimumPoints }}
  ... on ExceedsCart {{ maximumPoints }}
"""
_RULES = """
  id label kind verdict why lostTo { label } lineCount basis { amount } multiplier { label } factor
  exact rounded points capUses { span limit before used }
  lines { line quantity verdict why lostTo { label } points }
"""
_REDEMPTION = """
  id voucherCode state points value { amount } expiresAt extensionsLeft
  capturedPoints capturedValue { amount } remainingToPay { amount }
"""
_EXCHANGE = """
  id memberId customerExternalIds placedAt state exchangedAt cancelledAt points fee { amount currency }
  deliveryNote entry lines { sku name quantity pricePoints points fee { amount } }
"""
_EXCHANGE_REFUSALS = f"""
  {_TOO_FEW}
  ... on BelowMinimum {{ minimumPoints }}
  ... on NotInCatalogue {{ sku }} ... on PriceChanged {{ pricePoints fee }} ... on SoldOut {{ left }}
  ... on ExchangeLimit {{ limit maximum item }} ... on InvalidInput {{ field }}
"""


class Clock:
    """The instant that every request is judged by."""

    def __init__(self, instant: str) -> None:
        self.now = at(instant)

    def __call__(self) -> datetime:
        return self.now


def at(instant: str) -> datetime:
    """An instant in UTC unless it names an offset: ``at("2026-03-01 12:00")``."""
    read = datetime.fromisoformat(instant)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@dataclass(slots=True)
class Shop:
    """One programme with its secret key. Answers are the fields of the GraphQL response, as JSON."""

    client: httpx.AsyncClient
    installation: Installation
    programme: ProgrammeSnapshot
    secret_key: str
    page_key: str
    staff_key: str
    clock: Clock
    _tokens: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    async def ask_programme(self, selection: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.as_server(f"{{ programme {{ {selection} }} }}"))["programme"]
        return answer

    async def order(self, external_id: str, amount: str, **more: Any) -> dict[str, Any]:
        """Report an order that is placed now."""
        document = order_document(external_id, amount, **{"placedAt": self.clock().isoformat(), **more})
        answer = await self.as_server(
            "mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) {"
            f" {_ERRORS} {_TOO_FEW} ... on SubmitOrderSuccess {{ outcome points redeemed {{ amount }} }} }} }}",
            order=document,
        )
        submitted: dict[str, Any] = answer["submitOrder"]
        return submitted

    async def book(self, external_id: str = "b-1", starts_at: str = "", **more: Any) -> dict[str, Any]:
        """Report a booking of an hour."""
        begins = at(starts_at) if starts_at else self.clock()
        answer = await self.as_server(
            "mutation ($booking: BookingInput!) { submitBooking(input: {booking: $booking}) {"
            f" {_ERRORS} ... on BookingConflict {{ part }}"
            " ... on SubmitBookingSuccess { outcome status points availableFrom replayed } } }",
            booking=booking_document(external_id, begins, **more),
        )
        submitted: dict[str, Any] = answer["submitBooking"]
        return submitted

    async def add_rule(self, label: str, kind: str, **document: Any) -> RuleView:
        """A rule with this German label, and wait until it is in force."""
        told = await create_rule(
            self.installation,
            self.programme.id,
            {"kind": kind, "name": "internal", "labels": {"de": label}, **document},
            now=self.clock(),
        )
        self.clock.now = told.newest.effective_from
        return told

    async def earn_quote(self, customer: str | None = "c-1", **cart: Any) -> dict[str, Any]:
        """What a cart would earn; ``customer`` None: for a guest."""
        query = (
            "query ($cart: EarnCartInput!) { earnQuote(cart: $cart) {"
            f" {_ERRORS} ... on UnknownStore {{ store }} ... on EarnQuote {{ points signUpPoints"
            f" parts {{ points availableFrom expiresAt }} rules {{ {_RULES} }} }} }} }}"
        )
        asked = {"currency": "EUR", **cart}
        answer = await (
            self.as_guest(query, cart=asked) if customer is None else self.as_customer(customer, query, cart=asked)
        )
        quoted: dict[str, Any] = answer["earnQuote"]
        return quoted

    async def explain(self, customer: str = "c-1") -> dict[str, Any]:
        """Why the newest entry of the customer's history granted its points."""
        return await self.explain_entry(
            (await self.me("history(first: 1) { nodes { id } }", customer))["history"]["nodes"][0]["id"], customer
        )

    async def explain_entry(self, entry: str, customer: str = "c-1") -> dict[str, Any]:
        answer = await self.as_customer(
            customer,
            "query ($entry: ID!) { explain(entry: $entry) {"
            f" points at sourceType sourceId rules {{ {_RULES} }} }} }}",
            entry=entry,
        )
        explained: dict[str, Any] = answer["explain"]
        return explained

    async def product_points(self, customer: str | None = None, **product: Any) -> dict[str, Any]:
        """What the page of a product says; ``customer`` None: to a guest."""
        query = (
            "query ($product: ProductInput!) { productPoints(product: $product) {"
            f" {_ERRORS} ... on ProductPoints {{ standardPoints extraPoints text signUpPoints }} }} }}"
        )
        answer = await (
            self.as_guest(query, product=product)
            if customer is None
            else self.as_customer(customer, query, product=product)
        )
        told: dict[str, Any] = answer["productPoints"]
        return told

    async def public(self, selection: str) -> dict[str, Any]:
        """What everybody may ask, asked by a guest."""
        return await self.as_guest(f"{{ {selection} }}")

    async def take_back(
        self, external_id: str, order: str, *lines: dict[str, Any], kind: str = "RETURN", **more: Any
    ) -> dict[str, Any]:
        """Report a return: of these lines, or without any of everything."""
        what = {"lines": list(lines)} if lines else {"everything": True}
        document = {"externalId": external_id, "orderExternalId": order, "type": kind, "currency": "EUR"}
        answer = await self.as_server(
            "mutation ($return: ReturnInput!) { submitReturn(input: {return: $return}) {"
            f" {_ERRORS} ... on SubmitReturnSuccess {{ outcome value {{ amount }} money {{ amount }}"
            " pointsGivenBack givenBackValue { amount } pointsReversed debt forgiven orderReturned replayed } } }",
            **{"return": {**document, **what, **more}},
        )
        submitted: dict[str, Any] = answer["submitReturn"]
        return submitted

    async def capture(
        self,
        code: str,
        amount: str | None = None,
        key: str | None = None,
        *,
        order: str | None = None,
        purchased_at: str | None = None,
    ) -> dict[str, Any]:
        money = None if amount is None else {"amount": amount, "currency": "EUR"}
        answer = await self.as_server(
            "mutation ($input: CaptureRedemptionInput!) { captureRedemption(input: $input) {"
            f" {_ERRORS} {_TOO_FEW} ... on CaptureRedemptionSuccess {{ redemption {{ {_REDEMPTION} }} }} }} }}",
            input={
                "voucherCode": code,
                "amount": money,
                "orderExternalId": order,
                "purchasedAt": purchased_at,
                "idempotencyKey": key or uuid4().hex,
            },
        )
        return _redemption_or_refusal(answer["captureRedemption"])

    async def voucher(self, code: str) -> dict[str, Any] | None:
        answer = await self.as_server(
            f"query ($code: String!) {{ voucher(code: $code) {{ {_REDEMPTION} }} }}", code=code
        )
        found: dict[str, Any] | None = answer["voucher"]
        return found

    async def join(self, customer: str = "c-1") -> dict[str, Any]:
        answer = await self.as_customer(
            customer,
            f"mutation {{ join(input: {{acceptTerms: true}}) {{ {_ERRORS}"
            " ... on JoinSuccess { created signUpPoints } } }",
        )
        joined: dict[str, Any] = answer["join"]
        return joined

    async def me(self, selection: str, customer: str = "c-1", **variables: Any) -> Any:
        """What the customer sees; ``selection`` of the fields of Member."""
        kinds = {"asOf": "DateTime", "days": "Int"}
        declared = ", ".join(f"${name}: {kinds[name]}" for name in variables)
        head = f"query ({declared})" if declared else "query"
        return (await self.as_customer(customer, f"{head} {{ me {{ {selection} }} }}", **variables))["me"]

    async def balance(self, customer: str = "c-1") -> dict[str, Any]:
        answer = await self.me("balance { available pending held debt spendable value { amount } }", customer)
        found: dict[str, Any] = answer["balance"]
        return found

    async def redeem(
        self,
        points: int | None,
        total: str,
        *,
        cart: str = "cart-1",
        key: str | None = None,
        customer: str = "c-1",
    ) -> dict[str, Any]:
        """Hold ``points``, or with None as many as the cart takes."""
        mode = {"mode": "FULL"} if points is None else {"mode": "PARTIAL", "points": points}
        paid = {"cart": {"id": cart, "total": total, "currency": "EUR"}, "idempotencyKey": key or uuid4().hex}
        answer = await self.as_customer(
            customer,
            "mutation ($input: RedeemPointsInput!) { redeemPoints(input: $input) {"
            f" {_REFUSALS} ... on RedeemPointsSuccess {{ redemption {{ {_REDEMPTION} }} }} }} }}",
            input=mode | paid,
        )
        return _redemption_or_refusal(answer["redeemPoints"])

    async def quote(self, points: int | None, total: str, customer: str = "c-1") -> dict[str, Any]:
        answer = await self.as_customer(
            customer,
            "query ($cart: CartInput!, $points: Points) { redemptionQuote(cart: $cart, points: $points) {"
            f" {_REFUSALS} ... on RedemptionQuote {{ points value {{ amount }} remainingToPay {{ amount }} }}"
            " } }",
            cart={"id": "cart-1", "total": total, "currency": "EUR"},
            points=points,
        )
        quoted: dict[str, Any] = answer["redemptionQuote"]
        return quoted

    async def extend(self, redemption_id: str, key: str | None = None) -> dict[str, Any]:
        answer = await self.as_customer(
            "c-1",
            "mutation ($input: ExtendRedemptionInput!) { extendRedemption(input: $input) {"
            f" {_ERRORS} ... on ExtendRedemptionSuccess {{ redemption {{ {_REDEMPTION} }} }} }} }}",
            input={"redemptionId": redemption_id, "idempotencyKey": key or uuid4().hex},
        )
        return _redemption_or_refusal(answer["extendRedemption"])

    async def sell(self, sku: str, points: int, *, stock: int | None = None, **more: Any) -> None:
        """Put an exchange item into the catalogue; with a stock, that many of it."""
        item = {"sku": sku, "names": [{"locale": "de", "text": sku}], "pricePoints": points, **more}
        saved = await self.staff(
            "mutation ($input: SaveExchangeItemInput!) { saveExchangeItem(input: $input) {"
            f" {_ERRORS} ... on SaveExchangeItemSuccess {{ item {{ stock }} }} }} }}",
            input=item,
        )
        if stock is not None:
            expected = saved["saveExchangeItem"]["item"]["stock"]
            change = {"sku": sku, "set": {"stock": stock, "expected": expected}, "idempotencyKey": uuid4().hex}
            await self.staff(
                "mutation ($input: ChangeExchangeStockInput!) { changeExchangeStock(input: $input) {"
                f" {_ERRORS} }} }}",
                input=change,
            )

    async def stock(self, sku: str) -> int | None:
        answer = await self.staff("{ catalogue { exchangeItems(first: 100) { nodes { sku stock } } } }")
        items = answer["catalogue"]["exchangeItems"]["nodes"]
        found: int | None = next(item["stock"] for item in items if item["sku"] == sku)
        return found

    async def exchange(
        self, *lines: dict[str, Any], note: str | None = None, key: str | None = None, customer: str = "c-1"
    ) -> dict[str, Any]:
        """The order, or why there is none."""
        answer = await self.as_customer(
            customer,
            "mutation ($input: PlaceExchangeOrderInput!) { placeExchangeOrder(input: $input) {"
            f" {_ERRORS} {_EXCHANGE_REFUSALS}"
            f" ... on PlaceExchangeOrderSuccess {{ order {{ {_EXCHANGE} }} }} }} }}",
            input={
                "lines": list(lines),
                "deliveryNote": note,
                "idempotencyKey": uuid4().hex if key is None else key,
            },
        )
        return _order_or_refusal(answer["placeExchangeOrder"])

    async def decide(self, mutation: str, order: str, **more: Any) -> dict[str, Any]:
        """``setExchanged`` or ``cancelExchangeOrder``: the order, or why it stands as it did."""
        name = mutation[0].upper() + mutation[1:]
        answer = await self.staff(
            f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {_ERRORS}"
            f" ... on ExchangeOrderDecided {{ state }} ... on {name}Success {{ order {{ {_EXCHANGE} }} }} }} }}",
            input={"id": order, **more},
        )
        return _order_or_refusal(answer[mutation])

    async def exchanges(self, **arguments: Any) -> dict[str, Any]:
        """What the staff see: a page of ``exchangeOrders``."""
        answer = await self.staff(
            "query ($filter: ExchangeOrderFilter, $sort: ExchangeOrderSort! = NEWEST, $first: Int! = 20,"
            " $after: String) { exchangeOrders(filter: $filter, sort: $sort, first: $first, after: $after) {"
            f" nodes {{ {_EXCHANGE} }} pageInfo {{ hasNextPage endCursor }} }} }}",
            **arguments,
        )
        page: dict[str, Any] = answer["exchangeOrders"]
        return page

    async def staff(self, query: str, **variables: Any) -> dict[str, Any]:
        return await self.post({"Authorization": f"Bearer {self.staff_key}"}, query, variables)

    async def change(self, **settings: Any) -> None:
        """Save new settings and wait until they are in force."""
        changed = self.programme.settings_at(self.clock()).changed(settings, self.programme.currency)
        told = await change_settings(self.installation, self.programme.id, changed, now=self.clock())
        self.clock.now = told.effective_from
        self.programme = await self.installation.programmes.get(self.programme.id)

    async def as_server(self, query: str, **variables: Any) -> dict[str, Any]:
        return await self.post({"Authorization": f"Bearer {self.secret_key}"}, query, variables)

    async def as_guest(self, query: str, **variables: Any) -> dict[str, Any]:
        return await self.post({"Pointbook-Key": self.page_key}, query, variables)

    async def as_customer(self, customer: str, query: str, **variables: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {await self._token(customer)}", "Pointbook-Key": self.secret_key}
        return await self.post(headers, query, variables)

    async def _token(self, customer: str) -> str:
        made, token = self._tokens.get(customer, (None, ""))
        if made != self.clock():
            answer = await self.as_server(
                "mutation ($input: CustomerTokenCreateInput!) { customerTokenCreate(input: $input) {"
                " ... on CustomerTokenCreateSuccess { token } } }",
                input={"customerExternalId": customer},
            )
            token = answer["customerTokenCreate"]["token"]
            self._tokens[customer] = (self.clock(), token)
        return token

    async def post(self, headers: dict[str, str], query: str, variables: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.post(
            "/graphql", headers=headers, json={"query": query, "variables": variables}
        )
        body = response.json()
        assert response.status_code == httpx.codes.OK, body
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data


def _redemption_or_refusal(result: dict[str, Any]) -> dict[str, Any]:
    redemption: dict[str, Any] | None = result.get("redemption")
    return result if redemption is None else redemption


def _order_or_refusal(result: dict[str, Any]) -> dict[str, Any]:
    order: dict[str, Any] | None = result.get("order")
    return result if order is None else order


@contextlib.asynccontextmanager
async def open_shop(
    database_url: str, redis_url: str | None, clock: Clock, **settings: Any
) -> AsyncIterator[Shop]:
    """A shop whose programme has the settings of the preset L, but for ``settings``; base points are 0.

    Orders earn when they are PAID. The programme is a sandbox, so that a test may be in the future.
    """
    document = ProgrammeSettings.from_document(settings, "EUR").to_document("EUR")
    process = Settings.model_validate({"database_url": database_url, "redis_url": redis_url, "secret": SECRET})
    app = create_app(process, clock=clock, rates=UNLIMITED)
    async with app.router.lifespan_context(app):
        installation = app.state.installation
        document.pop("qualifyingStatuses")
        programme = await make_programme(installation, document, now=clock())
        key = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=clock())
        opened = NewKey(KeyKind.PUBLISHABLE, "page", any_document=True)
        page_key = await create_key(installation, programme.id, opened, now=clock())
        anna = NewKey(KeyKind.STAFF, "Anna", rights=ALL_RIGHTS)
        staff_key = await create_key(installation, programme.id, anna, now=clock())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.test") as client:
            yield Shop(client, installation, programme, key.text, page_key.text, staff_key.text, clock)
