"""Jobs travel as JSON: whoever can write to Valkey must not be able to run code in the worker."""

import os
import pickle

import orjson
import pytest
from arq.jobs import DeserializationError, deserialize_job_raw, serialize_job, serialize_result

from pointbook.worker import serialiser


class Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("/nonexistent/pointbook",)


def test_a_job_comes_back_as_it_went() -> None:
    sent = serialize_job(
        "drain_outbox", (1, "ü"), {"programme": 7}, 2, 1_700_000_000_000, serializer=serialiser.dumps
    )
    assert orjson.loads(sent)["f"] == "drain_outbox"
    received = list(deserialize_job_raw(sent, deserializer=serialiser.loads))
    assert received == ["drain_outbox", [1, "ü"], {"programme": 7}, 2, 1_700_000_000_000]


def test_a_pickle_is_refused_and_not_run() -> None:
    attack = pickle.dumps({"t": None, "f": Exploit(), "a": (), "k": {}, "et": 0})
    with pytest.raises(FileNotFoundError):  # the control: pickle does run it
        pickle.loads(attack)  # noqa: S301
    with pytest.raises(DeserializationError) as refused:
        deserialize_job_raw(attack, deserializer=serialiser.loads)
    assert isinstance(refused.value.__cause__, ValueError)


@pytest.mark.parametrize(
    "job",
    [
        [],
        "drain_outbox",
        None,
        {},
        {"t": None, "f": ["unhashable"], "a": [], "k": {}, "et": 0},
        {"t": None, "f": "drain_outbox", "a": {}, "k": {}, "et": 0},
        {"t": None, "f": "drain_outbox", "a": [], "k": [], "et": 0},
        {"t": None, "f": "drain_outbox", "a": [], "k": {}, "et": "soon"},
        {"t": "1", "f": "drain_outbox", "a": [], "k": {}, "et": 0},
    ],
)
def test_what_is_no_job_is_refused(job: object) -> None:
    with pytest.raises(ValueError, match="no job"):
        serialiser.loads(orjson.dumps(job))


def test_the_result_of_a_failed_job_can_be_written() -> None:
    written = serialize_result(
        function="f",
        args=(),
        kwargs={},
        job_try=1,
        enqueue_time_ms=0,
        success=False,
        result=ValueError("why"),
        start_ms=0,
        finished_ms=1,
        ref="f",
        queue_name="q",
        job_id="id",
        serializer=serialiser.dumps,
    )
    assert written is not None
    assert orjson.loads(written)["r"] == "ValueError('why')"
