"""Two tills and one gift card: uses at once that it cannot all pay, again and again.

``python -m bench.gift_cards [--cards N]``; starts a PostgreSQL of its own. Each card of 50.00 is bought by one who
asks twice at once with one key, and is used at two tills at once for more than it has, each use sent twice: in
every third round both want 30.00, in the next both have 30.00 set aside first, in the last one till uses it while
the staff void it. Prints what came of them, and fails unless no card paid more than it had, no key had two
effects, and the books are in order.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import uvloop

from bench.scene import SECRET, servers, utc_now
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.access import ALL_RIGHTS, ALL_SCOPES, CallerKind, Principal
from pointbook.domain.errors import PointbookError
from pointbook.domain.money import Money
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.embedded import Urls
from pointbook.services import account, gift_cards
from pointbook.services.catalogue import GIFT_CARDS, save_offer
from pointbook.services.directory import ProgrammeState
from pointbook.services.gift_cards import BoughtCard, BuyGiftCard, HoldCard, UseCard
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.verifying import verify

PRICE = 500
BEGIN_WITH = 1_000_000
MEMBERS = 20
AT_ONCE = 8  # rounds
_keys = count()


@dataclass(frozen=True, slots=True)
class Tills:
    installation: Installation
    programme_id: int

    async def round(self, number: int) -> str:
        """What became of one card; Inexact if that is not possible."""
        buyer = Principal(CallerKind.CUSTOMER, self.programme_id, "kid", subject=f"c-{number % MEMBERS}")
        command = BuyGiftCard("card", PRICE, _key())
        bought = await _both(*(gift_cards.buy(self.installation, buyer, command, now=utc_now()) for _ in range(2)))
        card: BoughtCard = bought[0]
        _exactly(bought[0].card == bought[1].card, "one key bought two cards")
        match number % 3:
            case 0:
                outcome = await self._overdraw(card.card.code)
            case 1:
                outcome = await self._overhold(card.card.code)
            case _:
                outcome = await self._use_or_void(card.card.code, card.card.card_id)
        seen = await gift_cards.gift_card(self.installation, self._server(), card.card.code, now=utc_now())
        return f"{outcome}, {seen.balance.decimal} left"

    async def _overdraw(self, code: str) -> str:
        uses = [self._use(UseCard(code, key, _euros(30))) for key in (_key(), _key()) for _ in range(2)]
        first, again, other, other_again = await _both(*uses)
        _exactly(first == again or _refused(first, again), "one key was answered in two ways")
        _exactly(other == other_again or _refused(other, other_again), "one key was answered in two ways")
        paid = sum(isinstance(answer, gift_cards.Used) for answer in (first, other))
        _exactly(paid == 1, f"{paid} of two uses were paid")
        return "one of two uses"

    async def _overhold(self, code: str) -> str:
        holds = [
            gift_cards.hold(self.installation, self._server(), HoldCard(code, _key(), _euros(30)), now=utc_now())
            for _ in range(2)
        ]
        held = [answer for answer in await _both(*holds) if isinstance(answer, gift_cards.CardHold)]
        _exactly(len(held) == 1, f"{len(held)} of two holds were made")
        key = _key()
        command = UseCard(code, key, _euros(20), held[0].hold_id)
        used = await _both(*(self._use(command) for _ in range(4)))
        _exactly(all(answer == used[0] for answer in used), "one key was answered in two ways")
        return "one of two holds"

    async def _use_or_void(self, code: str, card_id: UUID) -> str:
        staff = Principal(CallerKind.STAFF, self.programme_id, "st", ALL_RIGHTS)
        used, voided = await _both(
            self._use(UseCard(code, _key(), _euros(1))),
            gift_cards.void(self.installation, staff, card_id, now=utc_now()),
        )
        paid = isinstance(used, gift_cards.Used)
        _exactly(paid == isinstance(voided, PointbookError), "a card was both used and voided, or neither")
        return "used before it was voided" if paid else "voided before it was used"

    async def _use(self, command: UseCard) -> gift_cards.Used:
        return await gift_cards.use(self.installation, self._server(), command, now=utc_now())

    def _server(self) -> Principal:
        return Principal(CallerKind.SERVER, self.programme_id, "sk", ALL_SCOPES)


class Inexact(AssertionError):
    """Something came out that must not."""


def _exactly(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # as an assert
    if not holds:
        raise Inexact(otherwise)


def _refused(*answers: object) -> bool:
    return all(isinstance(answer, PointbookError) for answer in answers)


async def _both(*calls: Awaitable[Any]) -> Sequence[Any]:
    """What each was answered, an expected refusal as such."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, PointbookError):
            raise answer
    return answers


def _key() -> str:
    return f"key {next(_keys)}"


def _euros(amount: int) -> Money:
    return Money(100 * amount, "EUR")


async def race(urls: Urls, cards: int) -> bool:
    """Whether everything came out exactly."""
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database, pool_size=16)
    try:
        tills = await _tills(Installation.of(db, SECRET))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str:
            async with gate:
                return await tills.round(number)

        started = time.perf_counter()
        outcomes = Counter(await asyncio.gather(*map(one, range(cards))))
        print(f"{cards} cards in {time.perf_counter() - started:.1f} s")
        for outcome, times in sorted(outcomes.items()):
            print(f"  {times:>6} {outcome}")
        return await _is_sound(tills, outcomes)
    finally:
        await db.close()


async def _is_sound(tills: Tills, outcomes: Counter[str]) -> bool:
    """The members have what the cards that stand have left them, and no book is wrong."""
    left = 0
    for number in range(MEMBERS):
        balance = await account.balance(tills.installation, tills.programme_id, f"c-{number}", now=utc_now())
        assert balance is not None, "buyers have joined"
        left += balance.spendable
    voided = sum(times for outcome, times in outcomes.items() if outcome.startswith("voided"))
    standing = outcomes.total() - voided
    async with tills.installation.db.bare_transaction(tills.programme_id) as connection:
        verification = await verify(connection, tills.programme_id)
    exact = left == MEMBERS * BEGIN_WITH - standing * PRICE and not verification.violations
    print(f"  {verification.cards} cards checked, {len(verification.violations)} violations", flush=True)
    print("exact" if exact else "NOT exact")
    return exact


async def _tills(installation: Installation) -> Tills:
    now = utc_now()
    command = NewProgramme(
        slug="market",
        name="Market",
        currency="EUR",
        time_zone="Europe/Berlin",
        locales=("en",),
        settings=ProgrammeSettings.from_document({"signUpPoints": BEGIN_WITH}, "EUR"),
        sandbox=True,
        state=ProgrammeState.ACTIVE,
    )
    programme = await create_programme(installation, command, now=now)
    card = {"sku": "card", "names": {"en": "Gift card"}, "pricePoints": PRICE, "faceValue": "50.00"}
    await save_offer(installation, programme.id, GIFT_CARDS, card, now=now)
    for number in range(MEMBERS):
        await join(installation, programme.id, Join(f"c-{number}"), now=now)
    return Tills(installation, programme.id)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cards", type=int, default=300)
    chosen = parser.parse_args()
    with servers() as urls:
        done = uvloop.run(race(urls, chosen.cards))
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
