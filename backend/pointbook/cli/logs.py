"""How the process logs: one line an event, coloured at a terminal, JSON anywhere else.

A traceback shows where something failed, never the values of variables; of an exception of the database it shows
type and SQLSTATE, because its message quotes rows (``Key (email)=(...)``) and parameters.
"""

import logging
import sys
import traceback
from collections.abc import Iterator

import asyncpg
import structlog

from pointbook.db.retry import sqlstate

_LEVELS = ["debug", "info", "warning", "error"]


def configure(level: str) -> None:
    """Once, before the first event. uvicorn and arq log through the standard library and come out the same."""
    if level not in _LEVELS:
        raise ValueError(f"the log level is one of {', '.join(_LEVELS)}")
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [_tell_failure, _renderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_values)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for wordy in ("uvicorn", "alembic.runtime.plugins"):
        logging.getLogger(wordy).setLevel(max(number, logging.WARNING))


def _renderer() -> structlog.typing.Processor:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _tell_failure(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace ``exc_info`` by a text, and let no exception stand among the values."""
    for name, value in event.items():
        if isinstance(value, BaseException) and name != "exc_info":
            event[name] = _named(value)
    error = _exception(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = "\n".join(_lines(error))
        state = sqlstate(error)
        if state is not None:
            event["sqlstate"] = state
    return event


def _exception(given: object) -> BaseException | None:
    """``exc_info`` as structlog and logging know it: an exception, the three of them, or True for the present."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return _exception(given[1])
    return sys.exc_info()[1] if given else None


def _lines(error: BaseException) -> Iterator[str]:
    """Frames and names of the error, after those of what it was raised from."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _lines(earlier)
        yield "After that:"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}"
    yield _named(error)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from (f"  | {line}" for line in _lines(inner))


def _named(error: BaseException) -> str:
    name = type(error).__qualname__
    return f"{name} (SQLSTATE {sqlstate(error)})" if _is_of_database(error) else f"{name}: {error}"


def _is_of_database(error: BaseException) -> bool:
    """Of the driver, or of SQLAlchemy, which wraps the driver's in ``orig`` and adds statement and parameters."""
    return isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError) or hasattr(error, "orig")


def _without_values(record: logging.LogRecord) -> bool:
    """For arq, which puts exceptions into its sentences."""
    if isinstance(record.args, tuple):
        record.args = tuple(_named(value) if isinstance(value, BaseException) else value for value in record.args)
    return True
