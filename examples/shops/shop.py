"""A shop in Python: a page with the widgets, and the route that signs the customer's token."""

import base64
import hashlib
import hmac
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import unquote, urlencode
from urllib.request import urlopen

POINTBOOK, KEY = os.environ["POINTBOOK"], os.environ["POINTBOOK_KEY"]
HEAD = "<!doctype html><html lang=de><meta name=viewport content=width=device-width><title>Shop</title>"
CART = {"id": "cart-1", "total": "24.90", "currency": "EUR"}
POOL = ThreadPoolExecutor(30)
COMMON = {"api-key": KEY, "data-token-url": "/pointbook-token"}


def snippet(widget: str, attributes: dict[str, str]) -> str:
    """What Pointbook gives to paste. Raises if it cannot be reached."""
    query = urlencode({**COMMON, **attributes})
    try:
        with urlopen(f"{POINTBOOK}/widgets/snippet/{widget}?{query}", timeout=1) as answer:  # noqa: S310
            return str(answer.read().decode())
    except HTTPError:
        return ""


def customer_of(cookies: str) -> str:
    """Who is signed in; empty for a guest. SimpleCookie would give up at cookies that others set."""
    named = dict(cookie.strip().partition("=")[::2] for cookie in cookies.split(";"))
    return unquote(named.get("customer", ""))


def token(customer: str) -> str:
    """A JWT for the customer, good for 15 minutes."""
    now = int(time.time())
    head = {"alg": "HS256", "typ": "JWT", "kid": os.environ["TOKEN_KID"]}
    claims = {"aud": "pointbook", "sub": customer, "iat": now, "exp": now + 900}
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in (head, claims))
    mac = hmac.new(os.environ["TOKEN_SECRET"].encode(), signed, hashlib.sha256).digest()
    return b".".join((signed, _encoded(mac))).decode()


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class Shop(BaseHTTPRequestHandler):
    """Its two pages."""

    quiet_until = 0.0  # when Pointbook could not be reached, it is not asked for ten seconds

    def do_GET(self) -> None:
        customer = customer_of(self.headers.get("Cookie", ""))
        if self.path.partition("?")[0] == "/pointbook-token":
            if customer:
                self._answer(200, "application/json", json.dumps({"token": token(customer)}))
            else:
                self._answer(204, "application/json", "")
        else:
            known = {"signed-in": "yes" if customer else "no"}
            product, checkout, account = self._snippets(
                product={**known, "article": "espresso", "price": "24.90"},
                checkout={**known, "cart": json.dumps(CART), "apply-to": "#voucher"},
                account=known,
            )
            body = f"<h1>Espresso</h1>{product}<label>Voucher <input id=voucher></label>{checkout}{account}"
            self._answer(200, "text/html; charset=utf-8", HEAD + body)

    def _snippets(self, **widgets: dict[str, str]) -> list[str]:
        """All within a second, however slowly they come; else nothing, because the shop sells on."""
        if time.monotonic() < Shop.quiet_until:
            return [""] * len(widgets)
        asked = [POOL.submit(snippet, widget, attributes) for widget, attributes in widgets.items()]
        done, late = wait(asked, timeout=1)
        if late or any(answer.exception() for answer in done):
            Shop.quiet_until = time.monotonic() + 10
        for answer in late:
            answer.cancel()
        return [answer.result() if answer in done and not answer.exception() else "" for answer in asked]

    def _answer(self, status: int, kind: str, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Shop).serve_forever()
