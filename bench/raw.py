"""What the API is measured against: a handler written by hand over asyncpg, for one page and one mutation.

The same functions of the ledger, the same JSON; no GraphQL, no keys, no limits, no errors. The customer is looked
up by the text of the token, the answer is put together from the row. ``bench.scene`` starts it.
"""

import argparse
import base64
import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import uvicorn

from pointbook.domain.calendar import expiring_until
from pointbook.domain.codes import last_four
from pointbook.domain.vouchers import VoucherCodes
from pointbook.ledger import Request

_PAGE = "select * from ledger.account_page($1, $2, $3, $4, 20, null)"
_HOLD = "select * from ledger.hold($1, $2, $3, $4, $5, $6, 0, null, $7, $8, $9, $10, $11)"
_EXTENSIONS = 10
_MOMENT = timedelta(microseconds=1)


class Raw:
    """An ASGI application."""

    def __init__(self, scene: dict[str, Any], database_url: str) -> None:
        self._accounts: dict[str, tuple[int, str]] = scene["accounts"]
        self._programme: int = scene["programme"]
        self._currency: str = scene["currency"]
        self._zone = ZoneInfo(scene["zone"])
        self._codes = VoucherCodes(scene["secret"].encode())
        self._url = database_url
        self._pool: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["method"] == "GET":
            await _answer(send, b"{}")
            return
        body = (await receive())["body"]
        token = next(value for name, value in scope["headers"] if name == b"authorization")[7:].decode()
        account_id, public_id = self._accounts[token]
        if scope["path"] == "/page":
            answer = await self._page(account_id, public_id)
        else:
            answer = await self._redeem(token, account_id, orjson.loads(body)["variables"]["input"])
        await _answer(send, orjson.dumps({"data": answer}))

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(self._url, min_size=1, max_size=10, reset=_keep)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _page(self, account_id: int, public_id: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        until = expiring_until(now, 30, self._zone)
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(_PAGE, self._programme, account_id, now, until)
        balance = {name: row[name] for name in ("available", "pending", "held", "debt")}
        seqs = row["entry_seq"]
        return {
            "me": {
                "id": public_id,
                "balance": {**balance, "spendable": row["available"], "value": self._money(row["value"])},
                "expiringPoints": [
                    {"points": points, "expiresAt": _instant(at), "lastDay": self._last_day(at)}
                    for points, at in zip(row["expiring_points"], row["expiring_at"], strict=True)
                ],
                "holds": [
                    {
                        "id": hold_id.hex,
                        "voucherCode": self._codes.code(hold_id),
                        "points": points,
                        "value": self._money(value),
                        "expiresAt": _instant(expires_at),
                        "extensionsLeft": _EXTENSIONS - extensions,
                    }
                    for hold_id, points, value, expires_at, extensions in zip(
                        row["hold_id"],
                        row["hold_points"],
                        row["hold_value"],
                        row["hold_expires_at"],
                        row["hold_extensions"],
                        strict=True,
                    )
                ],
                "history": {
                    "nodes": [
                        {
                            "id": f"{public_id}-{seq}",
                            "kind": kind.upper(),
                            "at": _instant(at),
                            "points": points,
                            "sourceType": source_type,
                            "sourceId": source_id,
                        }
                        for seq, kind, at, points, source_type, source_id in zip(
                            seqs,
                            row["entry_kind"],
                            row["entry_at"],
                            row["entry_points"],
                            row["entry_source_type"],
                            row["entry_source_id"],
                            strict=True,
                        )
                    ],
                    "pageInfo": {"hasNextPage": seqs[-1] > 1, "endCursor": _cursor(seqs[-1])},
                },
            }
        }

    async def _redeem(self, token: str, account_id: int, asked: dict[str, Any]) -> dict[str, Any]:
        cart, key, points = asked["cart"], asked["idempotencyKey"], asked["points"]
        total = int(cart["total"].replace(".", ""))
        hold_id = uuid4()
        code = self._codes.code(hold_id)
        request = Request.of(token, "redeem", key, cart["id"], total, points)
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(
                _HOLD,
                self._programme,
                account_id,
                hold_id,
                hashlib.sha256(cart["id"].encode()).digest(),
                points,
                total,
                timedelta(minutes=15),
                self._codes.digest(code),
                last_four(code),
                [request.digest, request.input],
                datetime.now(UTC),
            )
        return {
            "redeemPoints": {
                "__typename": "RedeemPointsSuccess",
                "redemption": {
                    "id": row["hold_id"].hex,
                    "voucherCode": self._codes.code(row["hold_id"]),
                    "points": row["points"],
                    "value": self._money(row["value"]),
                    "remainingToPay": self._money(total - row["value"]),
                    "expiresAt": _instant(row["expires_at"]),
                    "extensionsLeft": _EXTENSIONS - row["extensions"],
                },
            }
        }

    def _money(self, minor: int) -> dict[str, str]:
        return {"amount": f"{minor // 100}.{minor % 100:02d}", "currency": self._currency}

    def _last_day(self, ends: datetime) -> date:
        return (ends - _MOMENT).astimezone(self._zone).date()


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"entry:{seq}".encode()).decode().rstrip("=")


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _keep(_connection: Any) -> None:
    """No statement leaves anything in the session."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    known = orjson.loads(Path(os.environ["RAW_SCENE"]).read_bytes())
    app = Raw(known, os.environ["POINTBOOK_DATABASE_URL"])
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", lifespan="on", log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
