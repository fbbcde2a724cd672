"""Hostile documents and malformed bodies: refused, nothing read, never a 5xx."""

import pytest

from bench import hostile as bench
from tests.http.fixtures import Shop, reply_of
from tests.http.hostile import BODIES, Hostile, documents
from tests.http.statements import statements

HOSTILE = list(documents())


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
async def test_a_hostile_document_is_refused_and_reads_nothing(shop: Shop, case: Hostile) -> None:
    headers = await shop.customer_headers(key=shop.secret_key)
    await shop.send({"query": "{ me { id } }"}, headers)  # the key and the programme are in the caches now
    with statements() as sent:
        reply = await shop.send({"query": case.query, "variables": case.variables}, headers)
    assert reply.status == 200  # application/json: the transport worked
    assert "data" not in reply.json
    assert set(reply.codes) <= case.codes, reply.json
    assert sent == []


def test_there_are_enough_hostile_documents() -> None:
    assert len(HOSTILE) >= 25
    assert len({case.name for case in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", BODIES)
async def test_a_malformed_body_is_a_client_error(shop: Shop, name: str) -> None:
    headers = {**await shop.customer_headers(key=shop.secret_key), "Content-Type": "application/json"}
    await shop.send({"query": "{ me { id } }"}, headers)
    with statements() as sent:
        response = await shop.client.post("/graphql", content=BODIES[name], headers=headers)
    reply = reply_of(response)
    assert reply.status == 400
    assert reply.codes
    assert sent == []


async def test_a_duplicate_key_is_read_like_any_json(shop: Shop) -> None:
    # Neither an error nor a way round the guard: the last one counts, as everywhere.
    body = b'{"query":"{ nothing }","query":"{ programme { name } }"}'
    response = await shop.client.post(
        "/graphql", content=body, headers={**shop.server_headers, "Content-Type": "application/json"}
    )
    assert reply_of(response).data == {"programme": {"name": "A shop"}}


@pytest.mark.parametrize(
    ("query", "expected", "limit_ms", "status"),
    [
        ("{ me { id } } fragment A on Member { id ...A }", "FRAGMENT_CYCLE", 10_000, 0),
        ("{ me { id } } fragment A on Member { id ...A }", "FRAGMENT_CYCLE", 0, 1),
        ("{ me { id } } fragment A on Member { id ...A }", "TOO_DEEP", 10_000, 1),
        ("{ __typename }", "TOO_DEEP", 10_000, 1),
    ],
    ids=["refused", "slow", "another refusal", "answered"],
)
async def test_the_benchmark_fails_when_a_refusal_is_slow_or_another(
    monkeypatch: pytest.MonkeyPatch, query: str, expected: str, limit_ms: int, *, status: int
) -> None:
    monkeypatch.setattr(bench, "_LIMIT_MS", limit_ms)
    monkeypatch.setattr(bench, "documents", lambda: [Hostile("one", query, frozenset({expected}))])
    monkeypatch.setattr(bench, "BODIES", {"a number": b"17"})
    assert await bench.main() == status
