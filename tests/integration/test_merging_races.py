"""Merges that meet orders and each other: whatever comes first, all orders and points are the one member's."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.merging import MergeState
from pointbook.services import account, merging
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.merging import MergeRequest, RequestMerge
from tests.support import NOW, SECRET, make_programme, order_document, violations

ROUNDS = 6


@pytest_asyncio.fixture
async def installation(db: Database) -> AsyncIterator[Installation]:
    yield Installation.of(db, SECRET)
    assert await violations(db) == []


async def verified(
    installation: Installation, programme: ProgrammeSnapshot, customer: str, email: str
) -> MergeRequest:
    who = Principal(CallerKind.CUSTOMER, programme.id, "key", subject=customer)
    request = await merging.request_merge(installation, who, RequestMerge(email, uuid4().hex), now=NOW)
    token = merging.proof_path(installation, programme.id, request.id).removeprefix("/merge/")
    await merging.confirm(installation, token, now=NOW)
    return request


async def test_both_ways_at_once_while_orders_come_in(installation: Installation, db: Database) -> None:
    """R33: two processes of which neither knows of the other's merge; the orders' rows follow their points."""
    programme = await make_programme(installation)
    anna = Principal(CallerKind.STAFF, programme.id, "anna", ALL_RIGHTS)
    processes = [installation, Installation.of(db, SECRET)]
    for number in range(ROUNDS):
        names = [f"{side}-{number}" for side in ("a", "b")]
        for name in names:
            await join(installation, programme.id, Join(name, email=f"{name}@shop.example"), now=NOW)
        requests = [
            await verified(installation, programme, one, f"{other}@shop.example")
            for one, other in (names, reversed(names))
        ]
        orders = [
            submit_order(
                processes[count % 2],
                programme.id,
                order_document(f"{name}-{count}", "10.00", customer={"externalId": name}),
                now=NOW,
            )
            for count in range(3)
            for name in names
        ]
        approvals = [
            merging.approve(process, anna, request.id, now=NOW)
            for process, request in zip(processes, requests, strict=True)
        ]
        answers = await asyncio.gather(*approvals, *orders, return_exceptions=True)
        decided = answers[:2]
        [merged] = [one for one in decided if isinstance(one, MergeRequest)]
        [refused] = [one for one in decided if isinstance(one, BaseException)]
        assert merged.state is MergeState.MERGED
        assert isinstance(refused, errors.MergeRequestNotOpen), repr(refused)
        assert [one for one in answers[2:] if isinstance(one, BaseException)] == []
        for process in processes:
            for name in names:
                page = await account.page(process, programme.id, name, now=NOW)
                assert page is not None
                assert (page.balance.available, page.public_id) == (60, merged.account)
        async with installation.db.bare_transaction(programme.id) as connection:
            owners = await connection.fetch(
                "select distinct a.public_id from sales_order as o join ledger.account as a"
                " on a.account_id = o.account_id where o.external_id like '%-' || $1::text || '-%'",
                str(number),
            )
        assert [row["public_id"] for row in owners] == [merged.account]
