"""Who is let in, and how much they may still ask for: the same for a request and for a connection that stays."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from starlette.datastructures import Headers

from pointbook.domain.access import Principal
from pointbook.http import cors
from pointbook.http.authentication import Caller, Credentials, credentials, customer, key_holder, signing_key
from pointbook.http.problems import Problem, too_much
from pointbook.http.rate_limit import RateLimiter, Rates
from pointbook.http.strangers import Strangers, peer_of
from pointbook.services.installation import Installation
from pointbook.services.tokens import end_of

COST_OF_REFUSAL = 10


class Admission:
    """Knows callers and charges them. Belongs to one event loop."""

    def __init__(
        self, installation: Installation, limiter: RateLimiter, rates: Rates, *, clock: Callable[[], datetime]
    ) -> None:
        self._installation = installation
        self._limiter = limiter
        self._rates = rates
        self._strangers = Strangers(rates.stranger)
        self._clock = clock

    async def caller(
        self,
        headers: Headers,
        client: tuple[str, int] | None,
        allow: Callable[[Mapping[str, str]], None] = lambda _headers: None,
    ) -> Caller:
        """Who calls. Raises Problem.

        ``allow`` is given the headers that let the calling page read the answer, before the token is judged: so
        that the page can read that it is bad.
        """
        now, given, peer = self._clock(), credentials(headers), peer_of(client)
        async with self._strangers.trying(peer, given.key):
            holder = await key_holder(self._installation, given, now=now)
        async with self.refusals_cost(holder.principal):
            allow(cors.origin_headers(headers, holder.origins))
            if given.token is None:
                return holder
            async with self._strangers.trying(peer, signing_key(given.token), of_many=True):
                return await customer(self._installation, holder, given.token, now=now)

    async def still_good(self, given: Credentials) -> bool:
        """Whether credentials that were good still are."""
        now = self._clock()
        try:
            holder = await key_holder(self._installation, given, now=now)
            if given.token is not None:
                await customer(self._installation, holder, given.token, now=now)
        except Problem:
            return False
        return True

    def seconds_left(self, given: Credentials) -> float:
        """Until the token of good credentials ends, if they have one."""
        return float("inf") if given.token is None else (end_of(given.token) - self._clock()).total_seconds()

    @contextlib.asynccontextmanager
    async def refusals_cost(self, principal: Principal) -> AsyncIterator[None]:
        """What is refused inside was work, too, and is charged."""
        try:
            yield
        except Problem:
            await self.charge(principal, COST_OF_REFUSAL)
            raise

    async def charge(self, principal: Principal, cost: int) -> None:
        """Raises Problem 429 for whoever has asked for too much."""
        decision = await self._limiter.take(self._bucket(principal), cost, self._rates.of(principal.kind))
        if not decision.allowed:
            raise too_much(decision.retry_after)

    def _bucket(self, principal: Principal) -> str:
        """The name of a caller's bucket; a customer's id is a personal datum that nobody can guess from it."""
        if principal.subject is None:
            return f"{principal.programme_id}:{principal.key_id}"
        programme = str(principal.programme_id)
        name = self._installation.secrets.derive("rate limit bucket", programme, principal.subject)
        return f"{programme}:{name.hex()[:24]}"
