"""Refusals of the HTTP face, in the shape of a GraphQL response."""

from collections.abc import Mapping
from http import HTTPStatus


class Problem(Exception):
    """The request is refused with an HTTP status; ``code`` is for programs, the message for people."""

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        return {"errors": [{"message": str(self), "extensions": {"code": self.code}}]}


def bad_request(code: str, message: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, code, message)


def unauthenticated(code: str, message: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, code, message, {"WWW-Authenticate": 'Bearer realm="pointbook"'})


def too_much(seconds: int) -> Problem:
    """The refusal of whoever asked for too much, with the time to wait."""
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "RATE_LIMITED",
        f"Too much was asked for; try again in {seconds} s.",
        {"Retry-After": str(seconds)},
    )


def credentials_ended() -> Problem:
    """Told at the end of a connection whose token has ended, or whose key was revoked."""
    return unauthenticated("TOKEN_INVALID", "The credentials are not good any more; come again with new ones.")
