"""Catalogues as the services keep them (R29, R30): saving, what is on sale, stock that its movements prove."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from pointbook.domain import errors
from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services import catalogue
from pointbook.services.audit import Action, Wanted, list_entries
from pointbook.services.catalogue import (
    EXCHANGE_ITEMS,
    GIFT_CARDS,
    CatalogueSort,
    Search,
    Shelf,
    list_offers,
    on_sale,
    place_of,
    save_offer,
)
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.exchange_stock import AddStock, SetStock, change_stock
from pointbook.services.installation import Installation
from pointbook.services.settings_versions import change_currency
from tests.support import DAY, NOW, make_programme, outcomes, refused

CARD = {"sku": "card-50", "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00"}
MUG = {"sku": "mug", "names": {"de": "Becher", "en": "Mug"}, "pricePoints": 150, "fee": "0.10"}


def anna(programme: ProgrammeSnapshot) -> Principal:
    return Principal(CallerKind.STAFF, programme.id, "st", ALL_RIGHTS)


async def save(installation: Installation, programme: ProgrammeSnapshot, **changes: Any) -> None:
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, {**MUG, **changes}, now=NOW)


async def move(
    installation: Installation, programme: ProgrammeSnapshot, command: AddStock | SetStock, key: str | None = None
) -> int | None:
    return await change_stock(installation, anna(programme), "mug", command, key or uuid4().hex, now=NOW)


async def skus(installation: Installation, programme: ProgrammeSnapshot, search: Search) -> list[str]:
    views = await list_offers(installation, programme, EXCHANGE_ITEMS, search, customer=None, most=100, now=NOW)
    return [view.kept.offer.sku for view in views]


async def movements(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[int, int | None]]:
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select change, stock from stock_movement order by id")
    return [(row["change"], row["stock"]) for row in rows]


async def test_an_offer_is_saved_by_its_sku_with_before_and_after_in_the_audit(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await save(installation, programme)
    await save(installation, programme)
    await save(installation, programme, pricePoints=160)
    entries = await list_entries(installation, programme.id, first=10, wanted=Wanted("exchange item mug"))
    assert [entry.change.action for entry in entries] == [Action.OFFER_SAVED] * 2
    assert [entry.change.before and entry.change.before["offer"]["pricePoints"] for entry in entries] == [
        150,
        None,
    ]
    assert [entry.change.after and entry.change.after["offer"]["pricePoints"] for entry in entries] == [160, 150]


async def test_saving_one_at_once_makes_one(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await asyncio.gather(*(save(installation, programme, position=place) for place in range(8)))
    assert await skus(installation, programme, Search(None)) == ["mug"]


@pytest.mark.parametrize("shelf", [GIFT_CARDS, EXCHANGE_ITEMS], ids=["card", "item"])
async def test_what_is_wrong_changes_nothing(
    installation: Installation, programme: ProgrammeSnapshot, shelf: Shelf[Any]
) -> None:
    whole = CARD if shelf is GIFT_CARDS else MUG
    for wrong in ({"pricePoints": 0}, {"names": {"en": "Mug"}}, {"names": {"de": "a", "fr": "b"}}):
        call = save_offer(installation, programme.id, shelf, {**whole, **wrong}, now=NOW)
        await refused(call, errors.InvalidInput, installation.db, programme)


async def test_a_catalogue_is_bounded(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "OFFERS_MAX", 1)
    await save(installation, programme)
    await save(installation, programme, pricePoints=160)
    call = save_offer(installation, programme.id, EXCHANGE_ITEMS, {**MUG, "sku": "bag"}, now=NOW)
    await refused(call, errors.InvalidInput, installation.db, programme)


async def test_only_what_is_active_and_counts_in_the_currency_is_on_sale(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    await save(installation, programme)
    await save(installation, programme, sku="off", active=False)

    async def found(sku: str) -> str:
        known = await installation.programmes.current(programme.id)
        async with installation.db.bare_transaction(programme.id) as connection:
            return (await on_sale(connection, known, EXCHANGE_ITEMS, sku)).offer.sku

    assert await found("mug") == "mug"
    for sku in ("off", "unknown"):
        with pytest.raises(errors.NotInCatalogue):
            await found(sku)
    settings = ProgrammeSettings.from_document({}, "PLN")
    await change_currency(installation, programme.id, "PLN", settings, now=NOW + DAY)
    with pytest.raises(errors.NotInCatalogue):
        await found("mug")
    await save(installation, programme)
    assert await found("mug") == "mug"


async def test_pages_in_any_order_have_everything_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for number in range(7):
        await save(installation, programme, sku=f"i-{number}", position=number % 3, pricePoints=1 + number % 2)
    orders = {
        CatalogueSort.POSITION: [0, 3, 6, 1, 4, 2, 5],
        CatalogueSort.PRICE_ASC: [0, 2, 4, 6, 1, 3, 5],
        CatalogueSort.PRICE_DESC: [5, 3, 1, 6, 4, 2, 0],
        CatalogueSort.NEWEST: [6, 5, 4, 3, 2, 1, 0],
    }
    for sort, expected in orders.items():
        after, seen = None, []
        while True:
            search = Search("EUR", sort, after=after)
            page = await list_offers(
                installation, programme, EXCHANGE_ITEMS, search, customer=None, most=2, now=NOW
            )
            if not page:
                break
            seen += [view.kept.offer.sku for view in page]
            after = place_of(page[-1].kept, sort)
        assert seen == [f"i-{number}" for number in expected]


async def test_stock_is_the_sum_of_its_movements(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await save(installation, programme)
    assert await move(installation, programme, SetStock(10, None)) == 10
    assert await move(installation, programme, AddStock(-4)) == 6
    assert await move(installation, programme, SetStock(None, 6)) is None
    assert await move(installation, programme, SetStock(3, None)) == 3
    assert await movements(installation, programme) == [(10, 10), (-4, 6), (-6, None), (3, 3)]
    entries = await list_entries(installation, programme.id, first=1)
    assert entries[0].change.action is Action.STOCK_CHANGED
    assert (entries[0].change.before, entries[0].change.after) == ({"stock": None}, {"stock": 3})


async def test_a_repeated_call_moves_stock_once(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await save(installation, programme)
    assert await move(installation, programme, SetStock(10, None), "set") == 10
    answers = await asyncio.gather(*(move(installation, programme, AddStock(5), "add") for _ in range(10)))
    assert answers == [15] * 10
    assert await move(installation, programme, AddStock(1)) == 16
    assert await move(installation, programme, SetStock(10, None), "set") == 10, "the first answer"
    other = move(installation, programme, AddStock(6), "add")
    await refused(other, errors.IdempotencyConflict, installation.db, programme)
    assert await movements(installation, programme) == [(10, 10), (5, 15), (1, 16)]


async def test_one_key_for_two_items_is_a_conflict(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await save(installation, programme)
    await save(installation, programme, sku="bag")
    calls = [
        change_stock(installation, anna(programme), sku, SetStock(1, None), "k", now=NOW)
        for sku in ("mug", "bag") * 4
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [outcomes(answers, int), outcomes(answers, errors.IdempotencyConflict)] == [4, 4]
    assert await movements(installation, programme) == [(1, 1)]


async def test_of_two_who_set_the_stock_the_second_is_told(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await save(installation, programme)
    answers = await asyncio.gather(
        *(move(installation, programme, SetStock(stock, None)) for stock in range(1, 9)), return_exceptions=True
    )
    assert [outcomes(answers, int), outcomes(answers, errors.StockChanged)] == [1, 7]


async def test_differences_at_once_add_up(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await save(installation, programme)
    await move(installation, programme, SetStock(3, None))
    answers = await asyncio.gather(
        *(move(installation, programme, AddStock(-1)) for _ in range(8)), return_exceptions=True
    )
    assert [outcomes(answers, int), outcomes(answers, errors.SoldOut)] == [3, 5]


async def test_stock_that_cannot_be_changes_nothing(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    unknown = move(installation, programme, AddStock(1))
    await refused(unknown, errors.NotInCatalogue, installation.db, programme)
    await save(installation, programme)
    for command, error in (
        (AddStock(1), errors.InvalidInput),
        (SetStock(-1, None), errors.InvalidInput),
        (SetStock(10**9 + 1, None), errors.InvalidInput),
        (SetStock(5, 4), errors.StockChanged),
    ):
        await refused(move(installation, programme, command), error, installation.db, programme)


async def test_movements_are_never_changed(installation: Installation, programme: ProgrammeSnapshot) -> None:
    await save(installation, programme)
    await move(installation, programme, SetStock(1, None))
    for statement in ("update stock_movement set change = 2", "delete from stock_movement"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with installation.db.bare_transaction(programme.id) as connection:
                await connection.execute(statement)
