"""Jobs travel through Valkey as JSON.

arq's default is pickle, which runs whatever code the bytes name: everybody who can write to Valkey would
own the worker. Bytes that are no job of arq's shape are refused here, because a malformed job would
otherwise end the worker again and again.
"""

from typing import Any

import orjson

_SHAPE = {"t": int | None, "f": str, "a": list, "k": dict, "et": int}  # try, function, arguments, when enqueued


def dumps(job: dict[str, Any]) -> bytes:
    """A job or its result. Errors become text: JSON has no form for them, and nobody raises them again."""
    return orjson.dumps(job, default=repr)


def loads(data: bytes) -> dict[str, Any]:
    """A job as ``dumps`` wrote it. Raises ValueError for everything else, pickles among it."""
    job = orjson.loads(data)
    if not _is_job(job):
        raise ValueError("these bytes are no job")
    return dict(job)


def _is_job(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in value and isinstance(value[name], kind) for name, kind in _SHAPE.items()
    )
