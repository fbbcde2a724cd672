"""The schema is worked out once for a document that asks for it, and forgotten with the document."""

import gc

import pytest

from pointbook.domain.access import CallerKind, Principal
from pointbook.graphql import engine as engine_module
from pointbook.graphql.documents import Documents
from pointbook.graphql.engine import Answer, Engine
from pointbook.graphql.schema import build_schema
from tests.graphql.engines import engine_over_nothing

SCHEMA = build_schema()
SERVER = Principal(CallerKind.SERVER, 1, "k")
TYPES = "{ __schema { types { name } } }"


@pytest.fixture
def engine() -> Engine:
    made = engine_over_nothing(SCHEMA)
    made._documents = Documents(SCHEMA._schema, kept=3)
    return made


async def _run(engine: Engine, text: str, operation_name: str | None = None) -> Answer:
    prepared = engine.prepare(
        text, None, operation_name, {}, any_document=True, introspection=True, read_only=False
    )
    return await engine.execute(prepared, SERVER)


async def test_the_schema_is_worked_out_once_a_document(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await _run(engine, TYPES)
    assert first.body["data"]["__schema"]["types"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it is known")

    monkeypatch.setattr(engine_module, "execute", refuse)
    assert (await _run(engine, TYPES)).body == first.body
    with pytest.raises(AssertionError, match="it is known"):
        await _run(engine, "{ __typename }")


async def test_an_answer_leaves_with_its_document(engine: Engine) -> None:
    for number in range(50):
        await _run(engine, f"query Q{number} {TYPES}")
    gc.collect()
    assert len(engine._introspected) <= 4
    await _run(engine, TYPES)
    assert next(reversed(engine._documents._kept.values())).document.answers  # there is room again


async def test_what_only_names_types_takes_no_room(engine: Engine) -> None:
    for number in range(20):
        await _run(engine, f"query Q{number} {{ __typename }}")
    assert len(engine._introspected) == 0


async def test_operations_of_one_document_have_answers_of_their_own(engine: Engine) -> None:
    text = 'query A { __type(name: "Query") { name } } query B { __type(name: "Mutation") { name } }'
    for _ in range(2):
        assert (await _run(engine, text, "A")).body["data"] == {"__type": {"name": "Query"}}
        assert (await _run(engine, text, "B")).body["data"] == {"__type": {"name": "Mutation"}}
