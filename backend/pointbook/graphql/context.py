"""What resolvers are given: who calls, when, and the installation they call use cases with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import strawberry

from pointbook.domain.access import Principal
from pointbook.services.installation import Installation


@dataclass(frozen=True, slots=True)
class Context:
    """One request. ``now`` is the programme's time, read once: all fields of an answer speak of the same instant.

    ``real_now`` is for what a sandbox's clock has no say in, such as tokens. ``clock`` is for subscriptions, which
    have many answers; it is the real one. ``peer``: the address that asks, None if that is not
    known.
    """

    principal: Principal
    now: datetime
    real_now: datetime
    installation: Installation
    clock: Callable[[], datetime]
    peer: str | None = None

    @property
    def tenant(self) -> tuple[Installation, int]:
        """The installation and the caller's programme in it."""
        return self.installation, self.principal.programme_id


Info: TypeAlias = strawberry.Info[Context, None]
