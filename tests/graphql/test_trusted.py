"""Trusted documents: the manifest is what the widgets' sources say, valid, within the limits."""

import gc
import weakref
from pathlib import Path
from typing import Any, cast

import pytest

from pointbook.graphql.engine import Engine
from pointbook.graphql.schema import build_schema
from pointbook.graphql.trusted import by_name, collect, document_id, render, shipped
from tests.http.fixtures import Shop
from tests.support import NOW

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "widgets" / "documents"
PROGRAMME = document_id((SOURCES / "programme.graphql").read_text().strip())
ACCOUNT_PAGE = document_id((SOURCES / "account_page.graphql").read_text().strip())


def test_the_manifest_is_made_of_the_sources() -> None:
    manifest = ROOT / "backend" / "pointbook" / "graphql" / "trusted_documents.json"
    assert manifest.read_text() == render(collect(SOURCES))


def test_a_document_that_is_not_valid_stops_the_start() -> None:
    text = "{ me { nothing } }"
    with pytest.raises(AssertionError, match="not valid any more"):
        Engine(build_schema(), {document_id(text): text}, cast("Any", None), clock=lambda: NOW)


@pytest.mark.parametrize("text", shipped().values(), ids=lambda text: text.split("(")[0].split(" {")[0])
def test_every_trusted_document_costs_less_than_a_customer_has(text: str) -> None:
    engine = Engine(build_schema(), shipped(), cast("Any", None), clock=lambda: NOW)
    prepared = engine.prepare(
        None, document_id(text), None, {"first": 20}, any_document=False, introspection=False, read_only=False
    )
    assert prepared.refusal is None
    assert 10 <= prepared.cost <= 500


def test_documents_that_begin_alike_stop_the_start() -> None:
    with pytest.raises(AssertionError, match="begin alike"):
        by_name({document_id("one"): "one", document_id("one") + "0": "another"})


async def test_a_guest_runs_published_documents_only(shop: Shop) -> None:
    short = PROGRAMME.removeprefix("sha256:")[:16]
    for given in (PROGRAMME, short):
        reply = await shop.send({"documentId": given}, shop.guest_headers)
        assert reply.data["programme"]["name"] == "A shop"
    assert (await shop.send({"documentId": short[:15]}, shop.guest_headers)).codes == ["DOCUMENT_NOT_FOUND"]
    refused = await shop.as_guest("{ programme { name } }")
    assert (refused.status, refused.codes) == (403, ["DOCUMENT_NOT_TRUSTED"])
    unknown = await shop.send({"documentId": document_id("{ me { id } }")}, shop.guest_headers)
    assert unknown.codes == ["DOCUMENT_NOT_FOUND"]


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", "{ programme { nam } }", "{", ""])
async def test_a_guest_learns_nothing_from_documents_of_their_own(shop: Shop, query: str) -> None:
    # no introspection, no suggestion, not even whether it parses
    reply = await shop.as_guest(query)
    assert reply.codes == ["DOCUMENT_NOT_TRUSTED"]
    assert reply.json["errors"][0]["message"] == "This key runs the published documents only; send documentId."


class _Variables(dict[str, object]):
    """Unlike a dict, it can be seen to go."""


def test_a_refused_request_leaves_nothing_behind() -> None:
    engine = Engine(build_schema(), {}, cast("Any", None), clock=lambda: NOW)
    requests = [_Variables(note="x" * 1_000) for _ in range(100)]
    seen = [weakref.ref(variables) for variables in requests]
    while requests:
        refused = engine.prepare(
            "{ me { id } }", None, None, requests.pop(), any_document=False, introspection=False, read_only=False
        )
        assert refused.refusal is not None
        assert refused.refusal.status == 403
    gc.collect()
    assert not [left for left in seen if left() is not None]


async def test_a_customer_on_a_page_runs_published_documents_only(shop: Shop) -> None:
    headers = await shop.customer_headers()
    assert (await shop.send({"documentId": ACCOUNT_PAGE}, headers)).data == {"me": None}
    assert (await shop.send({"query": "{ me { id } }"}, headers)).codes == ["DOCUMENT_NOT_TRUSTED"]


async def test_the_hash_is_taken_as_other_clients_send_it(shop: Shop) -> None:
    bare = PROGRAMME.removeprefix("sha256:")
    by_extension = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": bare}}}
    assert (await shop.send(by_extension, shop.guest_headers)).data["programme"]["currency"] == "EUR"
    # with its text, a key that may run anything needs no published one
    text = "{ programme { state } }"
    with_text = {"query": text, "extensions": {"persistedQuery": {"sha256Hash": document_id(text)}}}
    assert (await shop.send(with_text, shop.server_headers)).data == {"programme": {"state": "ACTIVE"}}
    assert (await shop.send(with_text, shop.guest_headers)).codes == ["DOCUMENT_NOT_FOUND"]


async def test_a_published_document_does_not_lend_rights(shop: Shop) -> None:
    reply = await shop.send({"documentId": ACCOUNT_PAGE}, shop.guest_headers)
    assert reply.json["data"] == {"me": None}
    assert reply.codes == ["FORBIDDEN"]
