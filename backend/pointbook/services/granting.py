"""From points to lots: what is granted under which settings version, and who is told."""

from datetime import datetime
from typing import Final

from pointbook.db.session import Connection
from pointbook.domain import earning
from pointbook.domain.calendar import Lifetime
from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import SettingsVersion
from pointbook.ledger import NewLot
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot

POINTS_CREDITED: Final = "points.credited"
ORDER, SIGN_UP = "order", "sign_up"
"""Kinds of source in the ledger."""


def order_points(
    programme: ProgrammeSnapshot,
    version: SettingsVersion,
    content: OrderContent,
    store_id: str | None,
    *,
    redeemed_value: int,
) -> int:
    """The points of a qualifying order; 0 while earning is stopped, or in a store that is switched off."""
    store = programme.store(store_id)
    if not programme.earns or (store is not None and not store.active):
        return 0
    return earning.evaluate(content, version.settings, redeemed_value).points


def earned_lots(
    programme: ProgrammeSnapshot, version: SettingsVersion, points: int, *, at: datetime
) -> tuple[NewLot, ...]:
    """The lot of points earned at an instant; none for 0 points, or when the programme's expiry has passed."""
    span = earning.points_lifetime(version.settings, at, programme.zone) if points else None
    return () if span is None else (_lot(version, points, span),)


def sign_up_lots(
    programme: ProgrammeSnapshot, version: SettingsVersion, *, joined_at: datetime, now: datetime
) -> tuple[NewLot, ...]:
    """The lot for joining at an instant (R12); none outside the period, if expired, or while nothing is earned."""
    gift = earning.sign_up(version.settings, joined_at, programme.zone) if programme.earns else None
    if gift is None or (gift.lifetime.expires_at is not None and gift.lifetime.expires_at <= now):
        return ()
    return (_lot(version, gift.points, gift.lifetime),)


def points_in(lots: tuple[NewLot, ...]) -> int:
    return sum(lot.points for lot in lots)


async def tell_credited(
    connection: Connection,
    programme_id: int,
    account: AccountKey,
    seq: int,
    lots: tuple[NewLot, ...],
    *,
    now: datetime,
) -> None:
    """Promise the message that points were credited, in the transaction that credited them."""
    payload = {
        "account": account.public_id.hex,
        "entry": f"{account.public_id.hex}-{seq}",
        "points": points_in(lots),
        "availableFrom": min(lot.available_from for lot in lots).isoformat(),
    }
    await outbox.append(connection, programme_id, POINTS_CREDITED, payload, now=now)


def _lot(version: SettingsVersion, points: int, span: Lifetime) -> NewLot:
    return NewLot(
        points=points,
        value_per_point=version.settings.value_per_point,
        available_from=span.available_from,
        expires_at=span.expires_at,
        settings_version=version.version,
    )
