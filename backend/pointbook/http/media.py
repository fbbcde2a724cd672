"""Media types of GraphQL over HTTP: which one a request has, which one its answer gets."""

from http import HTTPStatus

from pointbook.http.problems import Problem, bad_request

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
_MAX_RANGES = 20


def require_json(content_type: str | None) -> None:
    """Raise Problem 415 unless the body is declared as JSON in UTF-8."""
    media_type, _, parameters = (content_type or "").partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"').lower()
    if media_type.strip().lower() != JSON or charset not in {"", "utf-8", "utf8"}:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", f"Send {JSON} in UTF-8 as Content-Type."
        )


def takes_events(accept: str | None) -> bool:
    """Whether the client says that it takes a stream of events."""
    return EVENTS in _names(accept)


def answer_type(accept: str | None) -> str:
    """The media type of an answer; JSON unless the client says more. Raises Problem 406 when it wants neither.

    Whoever takes only events gets refusals in the form whose status says that they are refusals.
    """
    if not accept or accept.strip() == "*/*":
        return JSON
    best: tuple[float, str] | None = None
    for range_ in accept.split(",")[:_MAX_RANGES]:
        name, *parameters = (part.strip().lower() for part in range_.split(";"))
        media_type = _offered(name)
        quality = _quality(parameters)
        if media_type and quality > 0 and (best is None or quality > best[0]):
            best = quality, media_type
    if best is None and not takes_events(accept):
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "NOT_ACCEPTABLE", f"Answers are {JSON} or {GRAPHQL}.")
    return GRAPHQL if best is None else best[1]


def require_way(accept: str | None, *, live: bool) -> None:
    """Raise Problem 406 for a subscription that has no way to the client, and for others with only that way."""
    if live and not takes_events(accept):
        message = f"A subscription needs Accept: {EVENTS}, or a WebSocket with graphql-transport-ws."
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "SUBSCRIPTION_NEEDS_STREAM", message)
    if not live and takes_events(accept) and not any(map(_offered, _names(accept))):
        message = f"Only subscriptions are answered as {EVENTS}; this is answered as {JSON} or {GRAPHQL}."
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)


def _names(accept: str | None) -> list[str]:
    return [range_.partition(";")[0].strip().lower() for range_ in (accept or "").split(",")[:_MAX_RANGES]]


def _offered(name: str) -> str | None:
    if name in {JSON, "*/*", "application/*"}:
        return JSON
    return GRAPHQL if name == GRAPHQL else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                raise bad_request("INVALID_HEADER", "The Accept header is malformed.") from None
    return 1.0
