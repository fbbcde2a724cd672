"""A shop in Python: a page with the widgets, and the route that signs the customer's token."""

import base64
import hashlib
import hmac
import json
import os
import time
from http.client import HTTPException
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlencode
from urllib.request import urlopen

POINTBOOK, KEY = os.environ["POINTBOOK"], os.environ["POINTBOOK_KEY"]
HEAD = "<!doctype html><html lang=de><meta name=viewport content=width=device-width><title>Shop</title>"
CART = {"id": "cart-1", "total": "24.90", "currency": "EUR"}


def snippet(widget: str, *, signed_in: bool, **attributes: str) -> str:
    """What Pointbook gives to paste; nothing while it cannot be reached, because the shop sells on."""
    common = {"api-key": KEY, "data-token-url": "/pointbook-token", "signed-in": "yes" if signed_in else "no"}
    query = urlencode({**common, **attributes})
    try:
        with urlopen(f"{POINTBOOK}/widgets/snippet/{widget}?{query}", timeout=2) as answer:  # noqa: S310
            return str(answer.read().decode())
    except (OSError, HTTPException):
        return ""


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

    def do_GET(self) -> None:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("customer")
        customer = "" if cookie is None else unquote(cookie.value)
        if self.path.partition("?")[0] == "/pointbook-token":
            if customer:
                self._answer(200, "application/json", json.dumps({"token": token(customer)}))
            else:
                self._answer(204, "application/json", "")
        else:
            known = bool(customer)
            product = snippet("product", signed_in=known, article="espresso", price="24.90")
            checkout = snippet("checkout", signed_in=known, cart=json.dumps(CART), **{"apply-to": "#voucher"})
            account = snippet("account", signed_in=known)
            body = f"<h1>Espresso</h1>{product}<label>Voucher <input id=voucher></label>{checkout}{account}"
            self._answer(200, "text/html; charset=utf-8", HEAD + body)

    def _answer(self, status: int, kind: str, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Shop).serve_forever()
