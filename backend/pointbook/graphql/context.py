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
    """One request. ``now`` is read once, so that all fields of an answer speak of the same instant.

    ``clock`` is for subscriptions, which have many answers. ``peer``: the address that asks, None if that is not
    known.
    """

    principal: Principal
    now: datetime
    installation: Installation
    clock: Callable[[], datetime]
    peer: str | None = None

    @property
    def tenant(self) -> tuple[Installation, int]:
        """The installation and the caller's programme in it."""
        return self.installation, self.principal.programme_id


Info: TypeAlias = strawberry.Info[Context, None]
