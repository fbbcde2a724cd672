"""What a caller is told of what nobody refused; the log has what it was."""

from collections.abc import Callable
from http import HTTPStatus

import structlog

from pointbook.db.retry import is_transient, sqlstate
from pointbook.http.problems import Problem

_log = structlog.get_logger("pointbook.http")


def told(failure: Exception, report: Callable[[BaseException], str]) -> Problem:
    """503 while the database is away; else a defect, under the number that ``report`` gives it."""
    if is_transient(failure):
        _log.warning("database_away", type=type(failure).__qualname__, sqlstate=sqlstate(failure))
        return unavailable()
    message = f"This is a defect; the log has it as {report(failure)}."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)


def unavailable() -> Problem:
    again = "Try again in a moment."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", again, {"Retry-After": "1"})
