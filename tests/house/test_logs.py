"""Logs say what failed and where; they hold no password, no e-mail, no row of the database."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator

import asyncpg
import pytest
import structlog

from pointbook.cli import logs

_PLANTED = "clara@planted.example"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[io.StringIO, _Terminal], ids=["JSON", "terminal"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream: io.StringIO = request.param()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("uvicorn").level, structlog.get_config()
    root.handlers = []  # pytest's own stay open
    logs.configure("info")
    yield stream
    root.handlers, level, uvicorn_level, configuration = before
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(uvicorn_level)
    structlog.configure(**configuration)


def _violation() -> asyncpg.PostgresError:
    # As the driver makes it of the server's message.
    made = asyncpg.PostgresError.new(
        {"C": "23505", "S": "ERROR", "M": f"twice {_PLANTED}", "D": f"Key (email)=({_PLANTED}) already exists."}
    )
    assert isinstance(made, asyncpg.UniqueViolationError)
    return made


def _fail(error: Exception) -> None:
    email = _PLANTED
    try:
        raise error
    except asyncpg.PostgresError:
        assert email
        raise RuntimeError("the member cannot be kept") from error


def _assert_told(text: str) -> None:
    assert _PLANTED not in text
    assert "23505" in text
    assert "UniqueViolationError" in text


@pytest.mark.parametrize("get_logger", [structlog.get_logger, logging.getLogger])
def test_a_failure_of_the_database_is_told_without_its_values(
    written: io.StringIO, get_logger: Callable[[str], logging.Logger]
) -> None:
    try:
        _fail(_violation())
    except RuntimeError:
        get_logger("worker").exception("job.failed")
    text = written.getvalue()
    _assert_told(text)
    assert "the member cannot be kept" in text
    assert "_fail" in text, "the frames are there"
    assert "job.failed" in text


def test_exceptions_in_sentences_and_values_are_named_only(written: io.StringIO) -> None:
    logging.getLogger("arq.worker").warning("%s failed: %s", "job", _violation())
    _assert_told(written.getvalue())
    structlog.get_logger("pointbook.test").warning("job.failed", error=_violation())
    _assert_told(written.getvalue())


def test_failures_of_a_group_are_told_too(written: io.StringIO) -> None:
    logging.getLogger("worker").error("jobs", exc_info=ExceptionGroup("two", [_violation(), OSError("gone")]))
    _assert_told(written.getvalue())
    assert "OSError: gone" in written.getvalue()


@pytest.mark.parametrize("written", [io.StringIO], indirect=True)
def test_an_event_is_one_line_of_json(written: io.StringIO) -> None:
    logging.getLogger("worker").error("failed", exc_info=_violation())
    event = json.loads(written.getvalue())
    assert event["sqlstate"] == "23505"
    assert event["event"] == "failed"
