"""Documents as they are run: parsed, weighed, validated, and kept for the next request.

Parsing and validating cost more than running most documents, so both happen once a text. A weight that
depends on variables (page sizes) is worked out for each request.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    validate,
)

from pointbook.graphql.guard import MAX_PAGE, PageSizes, Weight, page_variables, read, weigh
from pointbook.graphql.secret_codes import names_a_code

MAX_ERRORS = 10
_WEIGHTS_KEPT = 100
_Weights: TypeAlias = Mapping[str | None, Weight]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Document:
    """A document within the limits. ``errors`` are those of validation: with any, it is not run.

    ``by_code``: it asks by a secret code. ``answers`` are those of operations that always have the same one; they
    are kept as long as the document.
    """

    ast: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    errors: tuple[GraphQLError, ...]
    by_code: bool = False
    answers: dict[str | None, ExecutionResult] = field(default_factory=dict)


class Chosen(NamedTuple):
    """The one operation of a document that a request runs, and what it costs with the request's variables."""

    document: Document
    operation: OperationDefinitionNode
    weight: Weight

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None

    @property
    def changes(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    @property
    def goes_on(self) -> bool:
        """Whether it is a subscription, which has more than one answer."""
        return self.operation.operation is OperationType.SUBSCRIPTION

    @property
    def introspects(self) -> bool:
        return self.weight.introspections > 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A valid document and what it weighs, by the values of the variables that decide a page size."""

    document: Document
    page_variables: tuple[str, ...]
    weights: dict[tuple[int | None, ...], _Weights]

    def weights_with(self, variables: Mapping[str, object], sizes: PageSizes) -> _Weights:
        values = tuple(_page(variables[name]) if name in variables else None for name in self.page_variables)
        known = self.weights.get(values)
        if known is None:
            known = weigh(self.document.ast, sizes, variables)
            if len(self.weights) < _WEIGHTS_KEPT:
                self.weights[values] = known
        return known


def _page(value: object) -> int:
    """The value as a page size; all that count alike are one."""
    return min(max(value, 1), MAX_PAGE) if isinstance(value, int) else MAX_PAGE


class Documents:
    """Opens documents for one schema; the most recent ones are kept."""

    def __init__(self, schema: GraphQLSchema, *, kept: int = 100) -> None:
        self._schema = schema
        self._most_kept = kept
        self._sizes = PageSizes(schema)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def choose(self, text: str, operation_name: str | None, variables: Mapping[str, object]) -> Chosen:
        """The operation to run. Raises GraphQLError (DocumentRefused over a limit) when there is none.

        A document that does not validate is returned with its errors.
        """
        document, weights = self._open(text, variables)
        if operation_name is None and len(document.operations) == 1:
            (operation_name,) = document.operations
        operation = document.operations.get(operation_name)
        if operation is None:
            raise GraphQLError(_no_operation(document, operation_name))
        return Chosen(document, operation, weights[operation_name])

    def _open(self, text: str, variables: Mapping[str, object]) -> tuple[Document, _Weights]:
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept.document, kept.weights_with(variables, self._sizes)
        ast = read(text)
        weights = weigh(ast, self._sizes, variables)
        document = self._validated(ast)
        if not document.errors:  # others are not sent twice by anybody who means well
            self._kept[text] = _Kept(document, page_variables(ast), {})
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return document, weights

    def _validated(self, ast: DocumentNode) -> Document:
        errors = validate(
            self._schema,
            ast,
            max_errors=MAX_ERRORS,
            allow_empty_selection_sets=False,
            hide_suggestions=True,
        )
        operations = {
            node.name.value if node.name else None: node
            for node in ast.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Document(ast, operations, tuple(errors), names_a_code(ast))


def _no_operation(document: Document, name: str | None) -> str:
    if not document.operations:
        return "The document has no operation."
    if name is None:
        return "operationName must say which of the document's operations to run."
    return "The document has no operation of that name."
