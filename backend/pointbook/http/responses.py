"""Turns answers into HTTP responses: JSON, caching, status."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from pointbook.http.media import JSON
from pointbook.http.problems import Problem

_NO_STORE = {"Cache-Control": "no-store"}
_PUBLIC = "public, max-age=60, stale-while-revalidate=600"
_VARY = "Accept, Authorization, Origin, Pointbook-Key"
_COMMON = {"X-Content-Type-Options": "nosniff", "Vary": _VARY}


def private(body: Mapping[str, Any], media_type: str, status: int, headers: Mapping[str, str]) -> Response:
    """An answer for this caller only."""
    return Response(
        orjson.dumps(body),
        status,
        {**_COMMON, **_NO_STORE, **headers, "Content-Type": _utf8(media_type)},
    )


def public(
    body: Mapping[str, Any], media_type: str, headers: Mapping[str, str], if_none_match: str | None
) -> Response:
    """An answer that any cache may keep for a minute; 304 without a body when the client has it."""
    content = orjson.dumps(body)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    kept = {**_COMMON, **headers, "Cache-Control": _PUBLIC, "ETag": tag}
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
    return Response(content, HTTPStatus.OK, {**kept, "Content-Type": _utf8(media_type)})


def problem(refusal: Problem, media_type: str = JSON, headers: Mapping[str, str] | None = None) -> Response:
    return private(refusal.body, media_type, refusal.status, {**(headers or {}), **refusal.headers})


def _matches(if_none_match: str, tag: str) -> bool:
    """Weak comparison, as the header asks for."""
    tags = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return if_none_match.strip() == "*" or tag in tags


def _utf8(media_type: str) -> str:
    return f"{media_type}; charset=utf-8"
