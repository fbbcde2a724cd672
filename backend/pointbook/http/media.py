"""Media types of GraphQL over HTTP: which one a request has, which one its answer gets."""

from http import HTTPStatus

from pointbook.http.problems import Problem, bad_request

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
_MAX_RANGES = 20


def require_json(content_type: str | None) -> None:
    """Raise Problem 415 unless the body is declared as JSON in UTF-8."""
    media_type, _, parameters = (content_type or "").partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"').lower()
    if media_type.strip().lower() != JSON or charset not in {"", "utf-8", "utf8"}:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", f"Send {JSON} in UTF-8 as Content-Type."
        )


def answer_type(accept: str | None) -> str:
    """The media type of the answer; JSON unless the client says more. Raises Problem 406 when it wants neither."""
    if not accept or accept.strip() == "*/*":
        return JSON
    best: tuple[float, str] | None = None
    for range_ in accept.split(",")[:_MAX_RANGES]:
        name, *parameters = (part.strip().lower() for part in range_.split(";"))
        media_type = _offered(name)
        quality = _quality(parameters)
        if media_type and quality > 0 and (best is None or quality > best[0]):
            best = quality, media_type
    if best is None:
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "NOT_ACCEPTABLE", f"Answers are {JSON} or {GRAPHQL}.")
    return best[1]


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
