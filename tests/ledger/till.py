"""Gift cards of a desk's account: bought and used at instants that the tests name."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from pointbook import ledger
from tests.ledger.desk import NOON, QUARTER, Desk, digest, request


@dataclass(frozen=True)
class Till:
    desk: Desk

    async def buy(
        self,
        face: int = 5_000,
        points: int = 500,
        *,
        expires: datetime | None = None,
        key: str | None = None,
        now: datetime = NOON,
    ) -> ledger.Card:
        card_id = uuid4()
        new = ledger.NewCard(card_id, points, "EUR", face, expires, digest(str(card_id)), "WXYZ")
        desk = self.desk
        keyed = request("buy", key, face, points)
        return await ledger.buy_card(desk.connection, desk.programme_id, desk.account_id, new, keyed, now=now)

    async def use(
        self,
        card: ledger.Card,
        amount: int | None,
        *,
        hold: UUID | None = None,
        order: str | None = None,
        key: str | None = None,
        now: datetime = NOON,
    ) -> ledger.CardMove:
        return await ledger.use_card(
            self.desk.connection,
            self.desk.programme_id,
            card.card_id,
            amount=amount,
            hold_id=hold,
            paid=(order and ("order", order)) or None,
            request=request("use", key, amount),
            now=now,
        )

    async def hold(
        self,
        card: ledger.Card,
        amount: int,
        *,
        lifetime: timedelta = QUARTER,
        key: str | None = None,
        now: datetime = NOON,
    ) -> UUID:
        hold_id = uuid4()
        held = await ledger.hold_card(
            self.desk.connection,
            self.desk.programme_id,
            card.card_id,
            hold_id,
            amount=amount,
            lifetime=lifetime,
            request=request("hold card", key, amount),
            now=now,
        )
        assert held.hold_id is not None
        return held.hold_id

    async def release(
        self, card: ledger.Card, hold: UUID, *, key: str | None = None, now: datetime
    ) -> ledger.CardMove:
        desk = self.desk
        keyed = request("release card", key, hold)
        return await ledger.release_card(desk.connection, desk.programme_id, card.card_id, hold, keyed, now=now)

    async def refund(
        self,
        card: ledger.Card,
        amount: int,
        *,
        order: str | None = None,
        grace: datetime | None = None,
        key: str | None = None,
        now: datetime = NOON,
    ) -> ledger.CardMove:
        return await ledger.refund_card(
            self.desk.connection,
            self.desk.programme_id,
            card.card_id,
            amount=amount,
            paid=(order and ("order", order)) or None,
            grace_expires_at=grace,
            request=request("refund", key, amount),
            now=now,
        )

    async def void(
        self, card: ledger.Card, *, grace: datetime | None = None, now: datetime = NOON
    ) -> ledger.CardVoid:
        desk = self.desk
        return await ledger.void_card(
            desk.connection, desk.programme_id, card.card_id, grace_expires_at=grace, now=now
        )

    async def card(self, card: ledger.Card, now: datetime = NOON) -> ledger.Card:
        desk = self.desk
        found = await ledger.cards(desk.connection, desk.programme_id, [card.card_id], now=now)
        return found[card.card_id]

    async def figures(self, card: ledger.Card, now: datetime = NOON) -> tuple[str, int, int, int, int, int]:
        """State, open, held, used, expired, void."""
        now_ = await self.card(card, now)
        return now_.state.value, now_.open, now_.held, now_.used, now_.expired, now_.void

    async def story(self, card: ledger.Card, now: datetime) -> list[tuple[str, datetime, int, int]]:
        """Oldest first: kind, instant, effect on what is open, on what is held."""
        rows = await ledger.card_history(
            self.desk.connection, self.desk.programme_id, card.card_id, first=100, now=now
        )
        return [(row.kind, row.at, row.effect, row.held) for row in reversed(rows)]

    async def sweep(self, now: datetime) -> int:
        return await ledger.sweep_cards(self.desk.connection, self.desk.programme_id, limit=100, now=now)
