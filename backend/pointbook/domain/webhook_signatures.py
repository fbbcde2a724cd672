"""Who signed a webhook. A signature covers the body as it came, byte by byte.

The library of Standard Webhooks reads the machine's clock; here the request's instant counts, as everywhere.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(minutes=5)
"""How far the sender's timestamp may lie from now, either way."""
STANDARD_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"
_MAX_SIGNATURES: Final = 10
_MAX_DIGITS: Final = 12


def standard_signature(secret: bytes, delivery_id: str, timestamp: str, body: bytes) -> str:
    """The value of ``webhook-signature``: ``v1,`` and a Base64 HMAC-SHA256 of id, Unix seconds and body.

    >>> standard_signature(b"of the test", "msg_1", "1772355600", b"{}")
    'v1,mB1EmZ49Ube+FbkGkGJSDOlXsLLHrRTdcgSAYuqi2S0='
    """
    return _VERSION + _base64_mac(secret, f"{delivery_id}.{timestamp}.".encode("latin-1") + body)


def is_standard(
    secret: bytes, delivery_id: str, timestamp: str, signatures: str, body: bytes, *, now: datetime
) -> bool:
    """Whether one of the ``signatures`` (by spaces) is good, and the timestamp is of these minutes."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_DIGITS):
        return False
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        return False
    expected = standard_signature(secret, delivery_id, timestamp, body)
    given = signatures.split(" ", _MAX_SIGNATURES)[:_MAX_SIGNATURES]
    return any(_same(expected, signature) for signature in given)


def woocommerce_signature(secret: str, body: bytes) -> str:
    """The value of ``X-WC-Webhook-Signature``: a Base64 HMAC-SHA256 of the body under the secret's text."""
    return _base64_mac(secret.encode("ascii"), body)


def is_woocommerce(secret: str, signature: str, body: bytes) -> bool:
    return _same(woocommerce_signature(secret, body), signature)


def _base64_mac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode("ascii")


def _same(expected: str, given: str) -> bool:
    """Takes the same time wherever they differ. Headers are Latin-1."""
    return hmac.compare_digest(expected.encode("latin-1"), given.encode("latin-1"))
