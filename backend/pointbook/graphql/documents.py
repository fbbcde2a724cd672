"""Documents as they are run: parsed, weighed, validated, and kept for the next request.

Parsing and validating cost more than running most documents, so both happen once a text. A weight that
depends on variables (page sizes) is worked out for each request.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    validate,
)

from pointbook.graphql.guard import PageSizes, Weight, read, weigh

MAX_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Document:
    """A document within the limits. ``errors`` are those of validation: with any, it is not run."""

    ast: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    errors: tuple[GraphQLError, ...]


class Chosen(NamedTuple):
    """The one operation of a document that a request runs, and what it costs with the request's variables."""

    document: Document
    operation: OperationDefinitionNode
    weight: Weight

    @property
    def changes(self) -> bool:
        return self.operation.operation is not OperationType.QUERY

    @property
    def introspects(self) -> bool:
        return self.weight.introspections > 0


class Documents:
    """Opens documents for one schema; the most recent ones are kept."""

    def __init__(self, schema: GraphQLSchema, *, kept: int = 100) -> None:
        self._schema = schema
        self._most_kept = kept
        self._sizes = PageSizes(schema)
        self._kept: OrderedDict[str, tuple[Document, dict[str | None, Weight] | None]] = OrderedDict()

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

    def _open(self, text: str, variables: Mapping[str, object]) -> tuple[Document, Mapping[str | None, Weight]]:
        if text in self._kept:
            self._kept.move_to_end(text)
            document, weights = self._kept[text]
            return document, weights or weigh(document.ast, self._sizes, variables)
        ast = read(text)
        weights = weigh(ast, self._sizes, variables)
        document = self._validated(ast)
        if not document.errors:  # others are not sent twice by anybody who means well
            self._keep(text, document, weights)
        return document, weights

    def _keep(self, text: str, document: Document, weights: dict[str | None, Weight]) -> None:
        fixed = not any(node.variable_definitions for node in document.operations.values())
        self._kept[text] = document, weights if fixed else None
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    def _validated(self, ast: DocumentNode) -> Document:
        errors = validate(
            self._schema,
            ast,
            max_errors=MAX_ERRORS,
            allow_empty_selection_sets=False,
        )
        operations = {
            node.name.value if node.name else None: node
            for node in ast.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Document(ast, operations, tuple(errors))


def _no_operation(document: Document, name: str | None) -> str:
    if not document.operations:
        return "The document has no operation."
    if name is None:
        return "operationName must say which of the document's operations to run."
    return "The document has no operation of that name."
