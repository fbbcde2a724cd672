"""An engine over nothing: it knows the time, and every resolver that asks for more fails at once."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import strawberry

from pointbook.graphql.engine import Engine
from tests.support import NOW


class _RealTime:
    async def now(self, _programme_id: int, real: datetime) -> datetime:
        return real


def engine_over_nothing(schema: strawberry.Schema) -> Engine:
    installation = cast("Any", SimpleNamespace(programmes=_RealTime()))
    return Engine(schema, {}, installation, clock=lambda: NOW)
