"""The page that proves an address: its button changes something, once, and strangers learn nothing."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.merging import MergeState
from pointbook.services import merging
from pointbook.services.joining import Join, join
from pointbook.services.merging import MergeRequest, RequestMerge
from tests.http.fixtures import Shop
from tests.http.statements import statements
from tests.support import NOW

OTHER = "other@shop.example"


@pytest_asyncio.fixture(autouse=True)
async def members(shop: Shop) -> None:
    for customer, email in (("asks", "me@shop.example"), ("other", OTHER)):
        await join(shop.installation, shop.programme.id, Join(customer, email=email), now=NOW)


async def asked(shop: Shop, email: str = OTHER) -> MergeRequest:
    customer = Principal(CallerKind.CUSTOMER, shop.programme.id, "key", subject="asks")
    return await merging.request_merge(
        shop.installation, customer, RequestMerge(email, uuid4().hex), now=shop.clock()
    )


def path(shop: Shop, request: MergeRequest, lang: str | None = None) -> str:
    return merging.proof_path(shop.installation, shop.programme.id, request.id, lang)


async def states(shop: Shop) -> list[MergeState]:
    found = await merging.list_requests(shop.installation, shop.programme.id, most=9, now=shop.clock())
    return [request.state for request in found]


async def test_following_the_link_changes_nothing_and_its_button_proves(shop: Shop) -> None:
    """Mail scanners follow links, often more than once."""
    request = await asked(shop)
    for _ in range(2):
        opened = await shop.client.get(path(shop, request))
        assert '<form method="post"' in opened.text
        assert await states(shop) == [MergeState.REQUESTED]
    for _ in range(2):
        confirmed = await shop.client.post(path(shop, request))
        assert confirmed.status_code == 200
        assert "Ihre Adresse ist bestätigt" in confirmed.text
        assert "<form" not in confirmed.text
        assert await states(shop) == [MergeState.VERIFIED]
    assert "bestätigt" in (await shop.client.get(path(shop, request))).text, "used: one friendly page"


@pytest.mark.parametrize(
    ("lang", "shown"),
    [
        ("de", "Konten zusammenführen"),
        ("en", "Merge accounts"),
        ("pl", "Połączenie kont"),
        ("ja", "Merge accounts"),
    ],
)
async def test_the_page_speaks_three_languages(shop: Shop, lang: str, shown: str) -> None:
    page = await shop.client.get(path(shop, await asked(shop), lang))
    assert f"<h1>{shown}</h1>" in page.text
    assert "A shop" in page.text
    assert OTHER not in page.text
    assert "me@shop.example" not in page.text
    assert (await shop.client.get("/static/merge.css")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_is_over_says_so(shop: Shop, method: str) -> None:
    expired, cancelled = await asked(shop), await asked(shop)
    customer = Principal(CallerKind.CUSTOMER, shop.programme.id, "key", subject="asks")
    await merging.cancel(shop.installation, customer, cancelled.id, now=NOW)
    shop.clock.now = NOW + timedelta(hours=24)
    texts = set()
    for request in (expired, cancelled):
        page = await shop.client.request(method, path(shop, request))
        assert page.status_code == 200
        assert "Dieser Link gilt nicht mehr" in page.text
        texts.add(page.text)
    assert len(texts) == 1
    assert set(await states(shop)) == {MergeState.EXPIRED, MergeState.CANCELLED}


async def test_an_address_that_nobody_has_any_more_is_over(shop: Shop) -> None:
    """As if the link had expired; nothing says why."""
    request = await asked(shop, "nobody@shop.example")
    assert "<form" in (await shop.client.get(path(shop, request))).text
    assert "gilt nicht mehr" in (await shop.client.post(path(shop, request))).text
    assert await states(shop) == [MergeState.REQUESTED]


async def test_a_rejected_link_is_over(shop: Shop) -> None:
    request = await asked(shop)
    await shop.client.post(path(shop, request))
    anna = Principal(CallerKind.STAFF, shop.programme.id, "anna", ALL_RIGHTS)
    await merging.reject(shop.installation, anna, request.id, "Two people", now=NOW)
    assert "gilt nicht mehr" in (await shop.client.post(path(shop, request))).text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_forged_link_is_no_page_and_asks_no_database(shop: Shop, method: str) -> None:
    request = await asked(shop)
    good = path(shop, request)
    token = good.removeprefix("/merge/")
    programme, name, seal = token.split("-")
    forged = [
        *("x", "1-2-3", f"{programme}-{name}", f"{programme}-{name}-", f"{token}a", token[:-1], "9" * 500),
        f"{programme}-{UUID(int=5).hex}-{seal}",
        f"{int(programme) + 1}-{name}-{seal}",
        f"99999999999999999999-{name}-{seal}",
        f"{programme}-{name}-{'a' * len(seal)}",
        f"{programme}-{name}-{seal[:-1]}é",
    ]
    texts = set()
    with statements() as seen:
        for one in forged:
            page = await shop.client.request(method, f"/merge/{one}")
            assert page.status_code == 404, one
            texts.add(page.text)
    assert (len(texts), seen) == (1, [])
    assert await states(shop) == [MergeState.REQUESTED]


async def test_nothing_can_be_slipped_in_and_nobody_may_frame_it(shop: Shop) -> None:
    request = await asked(shop)
    page = await shop.client.get(path(shop, request) + "?lang=%3Cscript%3E")
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_only_the_hash_of_the_link_is_kept(shop: Shop) -> None:
    request = await asked(shop)
    token = path(shop, request).removeprefix("/merge/")
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        row = await connection.fetchrow("select * from merge_request")
        told = await connection.fetch("select payload::text from outbox_message where topic like 'merge.%'")
    assert row is not None
    seal = token.rpartition("-")[2]
    assert seal not in repr(dict(row))
    assert not [one for one in told if seal in one["payload"] or OTHER in one["payload"]]


async def probe(shop: Shop, email: str) -> tuple[httpx.Response, list[str]]:
    """The answer to a request for an address, and the statements it took."""
    document = (
        "mutation ($input: RequestMergeInput!) { requestMerge(input: $input) {"
        " __typename ... on UserError { code message } ... on RequestMergeSuccess { request {"
        " state requestedAt expiresAt decidedAt reason } } } }"
    )
    variables = {"input": {"email": email, "idempotencyKey": uuid4().hex}}
    headers = await shop.customer_headers("asks", key=shop.secret_key)
    with statements() as seen:
        response = await shop.client.post(
            "/graphql",
            headers=headers,
            json={"query": document, "variables": variables},
        )
    return response, seen


@pytest.mark.parametrize("email", ["nodoby@shop.example", "me@shop.example"])
async def test_a_probe_learns_nothing_and_costs_the_same(shop: Shop, email: str) -> None:
    """R33: an address that somebody has, one that nobody has and one's own: same bytes, same statements."""
    await probe(shop, "warm@shop.example")
    (known, known_work), (other, other_work) = await probe(shop, OTHER), await probe(shop, email)
    blank = [response.text.replace(OTHER, "-").replace(email, "-") for response in (known, other)]
    assert blank[0] == blank[1]
    assert known_work == other_work
    assert len(known_work) > 5, "something was counted"
    told = {name: value for name, value in known.headers.items() if name not in {"date", "content-length"}}
    assert told == {name: value for name, value in other.headers.items() if name not in {"date", "content-length"}}
