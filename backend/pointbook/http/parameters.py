"""Reads the parameters of GraphQL over HTTP from a body or a query string; nothing odd gets further."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from pointbook.http.problems import Problem, bad_request

_NUL = rb"\u0000"  # as JSON writes it: a body without it need not be searched
_MAX_PARAMETERS = 10


@dataclass(frozen=True, slots=True)
class Parameters:
    """At least one of ``text`` and ``document_id`` is given."""

    text: str | None
    document_id: str | None
    operation_name: str | None
    variables: dict[str, Any]


def of_body(body: bytes) -> Parameters:
    """Parameters of a POST. Raises Problem 400 for anything but one JSON object of the right shape."""
    given = json_object(body, "body")
    return of_object(given) if _NUL in body else _parameters(given)


def of_object(given: dict[str, Any]) -> Parameters:
    """Parameters as an object of a message. Raises Problem 400 for one of a wrong shape."""
    if _has_nul(given):
        raise _nul_refused()
    return _parameters(given)


def of_query(query: bytes) -> Parameters:
    """Parameters of a GET; ``variables`` and ``extensions`` are JSON in the query string."""
    try:
        text = query.decode("ascii")
        pairs = parse_qsl(text, strict_parsing=bool(text), errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise bad_request("INVALID_QUERY_STRING", "The query string is malformed.") from None
    given: dict[str, Any] = dict(pairs)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = json_object(given[name].encode(), name)
    return of_object(given)


def _nul_refused() -> Problem:
    return bad_request("INVALID_TEXT", "Text must not contain the character U+0000.")


def _has_nul(value: object) -> bool:
    """Whether any text in a JSON value has the character that no database keeps; not deeper than JSON is read."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            if "\0" in part:
                return True
        elif isinstance(part, dict):
            pending += [*part, *part.values()]
        elif isinstance(part, list):
            pending += part
    return False


def json_object(source: bytes, name: str) -> dict[str, Any]:
    """One JSON object in UTF-8. Raises Problem 400 for anything else."""
    try:
        value = orjson.loads(source)
    except orjson.JSONDecodeError:
        raise bad_request("INVALID_JSON", f"The {name} is not valid JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise bad_request("INVALID_REQUEST", f"The {name} must be a JSON object.")
    return value


def _parameters(given: dict[str, Any]) -> Parameters:
    text = _optional(given, "query", str)
    document_id = _optional(given, "documentId", str)
    extensions: dict[str, Any] = _optional(given, "extensions", dict) or {}
    persisted = extensions.get("persistedQuery")
    if document_id is None and isinstance(persisted, dict):
        document_id = _optional(persisted, "sha256Hash", str)
    if text is None and document_id is None:
        raise bad_request(
            "DOCUMENT_MISSING", "Send a document as `query`, or the id of a published one as `documentId`."
        )
    return Parameters(
        text=text,
        document_id=document_id,
        operation_name=_optional(given, "operationName", str) or None,
        variables=_optional(given, "variables", dict) or {},
    )


def _optional(given: dict[str, Any], name: str, kind: type) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise bad_request("INVALID_REQUEST", f"{name} has the wrong type.")
    return value
