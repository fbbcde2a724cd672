"""What a caller may learn of an error. A defect is shown as a number, under which the log has it.

The log says where a defect happened, not with what values: messages of exceptions may hold personal data.
"""

import traceback
import uuid

import structlog
from graphql import GraphQLError

from pointbook.db.retry import is_transient, sqlstate
from pointbook.domain.errors import PointbookError

_log = structlog.get_logger("pointbook.graphql")


def shown(error: GraphQLError) -> GraphQLError:
    """The error as the caller may see it; what nobody expected is logged and replaced."""
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        return error
    if isinstance(original, PointbookError):
        return _replaced(error, str(original), {"code": original.code})
    code = "UNAVAILABLE" if is_transient(original) else "INTERNAL_ERROR"
    error_id = log_defect(original, code=code, path=error.path)
    sentence = "Try again in a moment." if code == "UNAVAILABLE" else "This is a defect; nothing you did is wrong."
    return _replaced(error, f"{sentence} The log has it as {error_id}.", {"code": code, "errorId": error_id})


def log_defect(defect: BaseException, *, code: str, path: object) -> str:
    """Write what happened and where, without any value, and return the number it can be found under."""
    error_id = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(defect.__traceback__)[-8:]
    _log.error(
        "defect",
        error_id=error_id,
        code=code,
        type=type(defect).__qualname__,
        sqlstate=sqlstate(defect),
        path=path,
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return error_id


def _replaced(error: GraphQLError, message: str, extensions: dict[str, str]) -> GraphQLError:
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=extensions)
