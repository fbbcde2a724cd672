"""What a document is taken to cost, and where the limits lie."""

from typing import Any, cast

import pytest
from graphql import GraphQLError, build_schema, get_introspection_query, parse

from pointbook.graphql import guard
from pointbook.graphql.documents import Documents
from pointbook.graphql.guard import DocumentRefused, PageSizes, Weight, weigh
from pointbook.graphql.schema import build_schema as build_our_schema

SCHEMA = build_schema(
    """
    type Query { me: Member, other: Member }
    type Member { id: ID, name: String, friends: [Member!]!, history(first: Int, after: String): Page! }
    type Page { nodes: [Item!]!, edges: [Item!]! }
    type Item { id: ID, page(first: Int): Page! }
    """
)
cast("Any", SCHEMA.type_map["Member"]).fields["history"].args[
    "first"
].default_value = 20  # as strawberry writes it
SIZES = PageSizes(SCHEMA)


def _weight(text: str, **variables: object) -> Weight:
    (weight,) = weigh(parse(text), SIZES, variables).values()
    return weight


def _refusal(text: str, **variables: object) -> str:
    with pytest.raises(DocumentRefused) as refused:
        weigh(parse(text), SIZES, variables)
    assert refused.value.extensions
    return str(refused.value.extensions["code"])


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ me { id } }", 10 + 1),
        ("{ me { id name } other { id } }", 10 + 2 + 10 + 1),
        ("{ me { history { nodes { id } } } }", 10 + 1 + 20 * 2),
        ("{ me { history(first: 5) { nodes { id } } } }", 10 + 1 + 5 * 2),
        ("{ me { history(first: 0) { nodes { id } } } }", 10 + 1 + 2),
        ("{ me { history(first: -9) { nodes { id } } } }", 10 + 1 + 2),
        ("{ me { history(first: 99999) { nodes { id } } } }", 10 + 1 + 100 * 2),
        ("{ me { friends { id } } }", 10 + 1 + 10 * 1),
        (
            "{ me { history(first: 3) { nodes { page(first: 4) { nodes { id } } } } } }",
            10 + 1 + 3 * (1 + 1 + 4 * 2),
        ),
        ("{ me { ...A ...B } } fragment A on Member { id } fragment B on Member { name ...A }", 10 + 1 + 2),
        ("{ ... { me { id } } }", 10 + 1),
        ("{ __typename }", 1),
    ],
)
def test_the_cost_is_fields_times_page_sizes(text: str, cost: int) -> None:
    assert _weight(text).cost == cost


def test_a_page_size_in_a_variable_counts_as_it_was_sent() -> None:
    text = "query($n: Int) { me { history(first: $n) { nodes { id } } } }"
    assert _weight(text, n=7).cost == 10 + 1 + 7 * 2
    assert _weight(text.replace("Int)", "Int = 3)")).cost == 10 + 1 + 3 * 2
    assert _weight(text.replace("Int)", "Int = 3)"), n=4).cost == 10 + 1 + 4 * 2
    assert _weight(text, n=None).cost == _weight(text, n="7").cost == _weight(text).cost == 10 + 1 + 100 * 2


def test_fragments_count_as_often_as_they_are_spread() -> None:
    text = "{ me { ...A } other { ...A } } fragment A on Member { a: id @skip(if: false) }"
    assert _weight(text)._replace(cost=0) == Weight(depth=2, aliases=2, directives=2)


def test_exactly_the_limit_is_allowed() -> None:
    def deep(levels: int) -> str:
        return "{me" + "{friends" * (levels - 2) + "{id}" + "}" * (levels - 1)

    free = Documents(SCHEMA)
    with pytest.raises(DocumentRefused):
        free.choose(deep(guard.MAX_DEPTH + 1), None, {})
    assert weigh(parse("{" + "a:me{id} " * guard.MAX_ALIASES + "}"), SIZES, {})
    assert _refusal("{" + "a:me{id} " * (guard.MAX_ALIASES + 1) + "}") == "TOO_MANY_ALIASES"
    assert weigh(parse("{me{id" + "@skip(if:true)" * guard.MAX_DIRECTIVES + "}}"), SIZES, {})
    assert _refusal("{me{id" + "@skip(if:true)" * (guard.MAX_DIRECTIVES + 1) + "}}") == "TOO_MANY_DIRECTIVES"


def test_depth_counts_fields_whatever_fragments_they_stand_in() -> None:
    assert _weight("{ me { history { nodes { id } } } }").depth == 4
    assert _weight("{ ...Q } fragment Q on Query { me { ... on Member { id } } }").depth == 2


def test_every_operation_is_judged_not_only_the_one_that_runs() -> None:
    many = "{me{" + "friends{" * 5 + "id" + "}" * 5 + "}}"
    assert _refusal("query A { me { id } } query B " + many) == "TOO_COSTLY"


def test_a_fragment_that_nobody_spreads_is_judged_too() -> None:
    assert (
        _refusal("{ me { id } } fragment A on Member { ...B } fragment B on Member { ...A }") == "FRAGMENT_CYCLE"
    )


def test_doubling_fragments_are_weighed_in_no_time() -> None:
    # Without the memo this pass would visit 2^60 selections.
    text = "{me{...F0}}" + "".join(f"fragment F{n} on Member{{...F{n + 1}...F{n + 1}}}" for n in range(25))
    assert _refusal(text + "fragment F25 on Member{id}") == "TOO_COSTLY"


def test_the_introspection_query_of_tools_is_within_the_limits() -> None:
    documents = Documents(build_our_schema()._schema)
    for text in (
        get_introspection_query(),
        get_introspection_query(schema_description=True, input_value_deprecation=True),
    ):
        chosen = documents.choose(text, None, {})
        assert chosen.introspects
        assert chosen.document.errors == ()


def test_a_valid_document_is_validated_once() -> None:
    documents = Documents(SCHEMA, kept=1)
    first = documents.choose("{ me { id } }", None, {})
    assert documents.choose("{ me { id } }", None, {}).document is first.document
    documents.choose("{ other { id } }", None, {})
    assert documents.choose("{ me { id } }", None, {}).document is not first.document


def test_a_kept_document_is_weighed_with_each_requests_variables() -> None:
    documents = Documents(SCHEMA)
    text = "query($n: Int) { me { history(first: $n) { nodes { page(first: $n) { nodes { id } } } } } }"
    assert documents.choose(text, None, {"n": 2}).weight.cost < documents.choose(text, None, {"n": 20}).weight.cost
    with pytest.raises(DocumentRefused):
        documents.choose(text, None, {"n": 100})


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("query A { me { id } } query B { me { id } }", None, "operationName"),
        ("query A { me { id } }", "B", "no operation of that name"),
        ("fragment A on Member { id }", None, "no operation"),
    ],
)
def test_the_operation_must_be_clear(text: str, name: str | None, said: str) -> None:
    with pytest.raises(GraphQLError, match=said):
        Documents(SCHEMA).choose(text, name, {})
