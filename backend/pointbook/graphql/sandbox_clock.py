"""The clock of a sandbox programme, with which one tries out what comes later."""

from datetime import datetime, timedelta
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import NotASandbox as NoSandbox
from pointbook.graphql.context import Info
from pointbook.graphql.errors import IdempotencyConflict, InvalidInput, NotASandbox
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.services import sandbox_clocks as service
from pointbook.services.requests import request_of

_MOVE = staff(Right.MOVE_CLOCK)
_MOST = int(service.MOST_AT_ONCE.total_seconds())


@strawberry.type(
    description="The clock of a sandbox programme: it goes on by itself, and is moved ahead, never back."
)
class SandboxClock:
    now: datetime = strawberry.field(description="What it shows.")
    ahead_seconds: float = strawberry.field(description="By how much it is ahead of the real one.")

    @classmethod
    def of(cls, clock: service.SandboxClock) -> Self:
        return cls(now=clock.now, ahead_seconds=clock.ahead.total_seconds())


@strawberry.input(description="How far to move the clock.")
class MoveSandboxClockInput:
    forward_seconds: int = strawberry.field(description=f"1 to {_MOST:,} seconds, which is 366 days.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.type(description="The clock is moved.")
class MoveSandboxClockSuccess:
    clock: SandboxClock = strawberry.field(description="The clock.")


MoveSandboxClockResult = Annotated[
    MoveSandboxClockSuccess | NotASandbox | InvalidInput | IdempotencyConflict,
    strawberry.union("MoveSandboxClockResult", description="The clock, or why it stays as it is."),
]


@strawberry.type
class SandboxClockQuery:
    @query_field(_MOVE, "The programme's own clock; null unless it is a sandbox.")
    async def sandbox_clock(self, info: Info) -> SandboxClock | None:
        try:
            return SandboxClock.of(await service.clock_of(*info.context.tenant, now=info.context.real_now))
        except NoSandbox:
            return None


@strawberry.type
class SandboxClockMutation:
    @mutation_field(
        _MOVE,
        "Move the clock of a sandbox programme ahead: holds lapse, points become available and expire, and who is "
        "told of that is told, within seconds.",
    )
    async def move_sandbox_clock(
        self,
        info: Info,
        input: Annotated[MoveSandboxClockInput, strawberry.argument(description="How far.")],  # noqa: A002
    ) -> MoveSandboxClockResult:
        context = info.context
        key, seconds = idempotency_key(input.idempotency_key), input.forward_seconds
        moved = await service.move_clock(
            *context.tenant,
            timedelta(seconds=seconds),
            request=request_of(context.installation, context.principal, "moveSandboxClock", key, seconds),
            by=context.principal.identity,
            now=context.real_now,
        )
        return MoveSandboxClockSuccess(clock=SandboxClock.of(moved))
