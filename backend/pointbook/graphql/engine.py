"""Runs GraphQL operations: finds or reads the document, weighs it, executes it, masks its errors."""

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from weakref import WeakSet

import strawberry
from graphql import ExecutionResult, FieldNode, GraphQLError, GraphQLSchema, execute, subscribe
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from pointbook.domain.access import Principal
from pointbook.graphql.context import Context
from pointbook.graphql.documents import Chosen, Document, Documents
from pointbook.graphql.guard import MAX_COST
from pointbook.graphql.masking import shown
from pointbook.graphql.policies import is_public, policy_of
from pointbook.graphql.secret_codes import tell_a_code
from pointbook.graphql.trusted import by_name, normal_id
from pointbook.services.installation import Installation

OK = 200
BAD_REQUEST = 400
FORBIDDEN = 403
METHOD_NOT_ALLOWED = 405
_MAX_COERCION_ERRORS = 10
_INTROSPECTIONS_KEPT = 10
_MAX_MESSAGE = 300
_BULK = {"submitOrders"}
_INTROSPECTION = frozenset({"__schema", "__type", "__typename"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL response. ``status`` is 200 when the operation was executed; errors may be in it all the same."""

    body: dict[str, Any]
    status: int = OK


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be run at ``cost``, or the refusal to run it.

    ``public``: a published document whose answer to a guest depends on nothing but the programme, so any cache
    may keep that. ``live``: a subscription, to be subscribed to and not executed. ``bulk``: it takes many things
    at once, and may be larger than other requests.
    """

    cost: int
    public: bool = False
    live: bool = False
    bulk: bool = False
    chosen: Chosen | None = None
    operation_name: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    refusal: Answer | None = None


@functools.lru_cache(maxsize=4)
def _validated(schema: GraphQLSchema, texts: tuple[str, ...]) -> Documents:
    """Trusted documents, validated once however many applications a process makes."""
    documents = Documents(schema, kept=max(len(texts), 1))
    for text in texts:
        chosen = documents.choose(text, None, {})
        errors = chosen.document.errors
        assert not errors, f"the trusted document {chosen.name} is not valid any more: {errors}"
    return documents


class Engine:
    """One schema with its trusted documents, which are validated here."""

    def __init__(
        self,
        schema: strawberry.Schema,
        trusted: Mapping[str, str],
        installation: Installation,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001  # strawberry offers no other way to it
        self._installation = installation
        self._clock = clock
        self._trusted = by_name(trusted)
        self._trusted_documents = _validated(self._schema, tuple(trusted.values()))
        self._documents = Documents(self._schema)
        self._introspected: WeakSet[Document] = WeakSet()  # they leave with the kept document
        self._public_fields = {
            schema.config.name_converter.get_graphql_name(field)
            for field in cast("Any", schema.query).__strawberry_definition__.fields
            if is_public(policy_of(field))
        }

    def prepare(
        self,
        text: str | None,
        document_id: str | None,
        operation_name: str | None,
        variables: Mapping[str, object],
        *,
        any_document: bool,
        introspection: bool,
        read_only: bool,
    ) -> Prepared:
        """Decide whether a request is run; nothing is read for it.

        ``any_document``: the caller may run documents of their own. ``introspection``: and ask for the schema.
        ``read_only``: the transport allows neither mutations nor secret codes (GET).
        """
        published = None if document_id is None else self._trusted.get(normal_id(document_id))
        own = text if any_document else None
        try:
            chosen = self._choose(published, own, operation_name, variables, by_id=document_id is not None)
        except GraphQLError as refusal:
            return _refused(FORBIDDEN if isinstance(refusal, _Untrusted) else BAD_REQUEST, [refusal])
        if chosen.document.errors:
            return _refused(BAD_REQUEST, list(chosen.document.errors))
        if read_only and chosen.changes:
            return _refused(METHOD_NOT_ALLOWED, [_error("METHOD_NOT_ALLOWED", "A mutation is sent with POST.")])
        if read_only and (chosen.document.by_code or tell_a_code(variables)):
            said = "A code is sent with POST: the address of a GET is written to logs."
            return _refused(METHOD_NOT_ALLOWED, [_error("METHOD_NOT_ALLOWED", said)])
        if chosen.introspects and not introspection:
            return _refused(
                FORBIDDEN, [_error("INTROSPECTION_NOT_ALLOWED", "A page's key does not ask for the schema.")]
            )
        roots = _root_names(chosen)
        query = not chosen.changes and not chosen.goes_on
        public = published is not None and query and roots <= self._public_fields
        return Prepared(
            chosen.weight.cost, public, chosen.goes_on, roots == _BULK, chosen, operation_name, variables
        )

    async def execute(self, prepared: Prepared, principal: Principal, peer: str | None = None) -> Answer:
        """Run a prepared operation. Never raises for what a resolver does: defects are masked and logged."""
        assert prepared.chosen is not None, "a refusal is not run"
        assert not prepared.live, "a subscription is subscribed to"
        return _answer(prepared, await self._result(prepared, prepared.chosen, principal, peer))

    async def subscribe(
        self, prepared: Prepared, principal: Principal, peer: str | None = None
    ) -> Answer | AsyncGenerator[dict[str, Any], None]:
        """The bodies of a subscription's answers as they come, until it ends; or why there is none.

        Whoever stops reading closes it.
        """
        chosen = prepared.chosen
        assert chosen is not None, "a refusal is not run"
        outcome = subscribe(**await self._run(prepared, chosen, principal, peer))
        results = outcome if isinstance(outcome, ExecutionResult | AsyncIterator) else await outcome
        if isinstance(results, ExecutionResult):
            return _answer(prepared, results)
        return _bodies(cast("AsyncGenerator[ExecutionResult, None]", results))

    async def _run(
        self, prepared: Prepared, chosen: Chosen, principal: Principal, peer: str | None
    ) -> dict[str, Any]:
        """What is run, and how, of a subscription as of the others."""
        return {
            "schema": self._schema,
            "document": chosen.document.ast,
            "context_value": await self._context(principal, peer),
            "variable_values": dict(prepared.variables),
            "operation_name": prepared.operation_name,
            "max_coercion_errors": _MAX_COERCION_ERRORS,
            "executor_class": StrawberryGraphQLCoreExecutionContext,
            "is_awaitable": optimized_is_awaitable,
            "hide_suggestions": True,
        }

    async def _context(self, principal: Principal, peer: str | None) -> Context:
        installation, real = self._installation, self._clock()
        now = await installation.programmes.now(principal.programme_id, real)
        return Context(principal, now, real, installation, self._clock, peer)

    async def _result(
        self, prepared: Prepared, chosen: Chosen, principal: Principal, peer: str | None
    ) -> ExecutionResult:
        known = chosen.document.answers.get(chosen.name)
        if known is not None:
            return known
        outcome = execute(**await self._run(prepared, chosen, principal, peer))
        result = outcome if isinstance(outcome, ExecutionResult) else await outcome
        self._keep_fixed(chosen, result)
        return result

    def _keep_fixed(self, chosen: Chosen, result: ExecutionResult) -> None:
        """Keep the schema for the next who asks; it is large, so one a document, and for a few documents."""
        document = chosen.document
        if _is_fixed(chosen) and not document.answers and len(self._introspected) < _INTROSPECTIONS_KEPT:
            document.answers[chosen.name] = result
            self._introspected.add(document)

    def _choose(
        self,
        published: str | None,
        own: str | None,
        operation_name: str | None,
        variables: Mapping[str, object],
        *,
        by_id: bool,
    ) -> Chosen:
        if published is not None:
            return self._trusted_documents.choose(published, operation_name, variables)
        if own is not None:
            return self._documents.choose(own, operation_name, variables)
        if by_id:
            raise _error("DOCUMENT_NOT_FOUND", "There is no published document with this id.")
        raise _Untrusted


def _answer(prepared: Prepared, result: ExecutionResult) -> Answer:
    errors = result.errors or ()
    if result.data is None and errors and not any(error.path for error in errors):
        return _refusal(BAD_REQUEST, errors, "INVALID_VARIABLES")  # nothing was executed
    return Answer({**_body(result), "extensions": {"cost": {"requested": prepared.cost, "limit": MAX_COST}}})


async def _bodies(results: AsyncGenerator[ExecutionResult, None]) -> AsyncGenerator[dict[str, Any], None]:
    """A failure between two answers is the last one."""
    async with aclosing(results):
        try:
            async for result in results:
                yield _body(result)
        except Exception as failure:  # noqa: BLE001  # masked, as every failure of a resolver
            located = (
                failure
                if isinstance(failure, GraphQLError)
                else GraphQLError(str(failure), original_error=failure)
            )
            yield {"errors": [shown(located).formatted]}


def _body(result: ExecutionResult) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [shown(error).formatted for error in result.errors]
    return body


def _root_names(chosen: Chosen) -> set[str]:
    """The root fields an operation selects itself; with a fragment at the root, a name that no field has."""
    return {
        node.name.value if isinstance(node, FieldNode) else "..."
        for node in chosen.operation.selection_set.selections
    }


def _is_fixed(chosen: Chosen) -> bool:
    """Whether the answer is the schema and nothing else, so that it never changes."""
    if not chosen.introspects or chosen.operation.variable_definitions:
        return False
    return _root_names(chosen) <= _INTROSPECTION


def _error(code: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


class _Untrusted(GraphQLError):
    """A new one for each refusal: a raised error holds on to the request it was raised for."""

    def __init__(self) -> None:
        message = "This key runs the published documents only; send documentId."
        super().__init__(message, extensions={"code": "DOCUMENT_NOT_TRUSTED"})


def _refused(status: int, errors: Sequence[GraphQLError]) -> Prepared:
    return Prepared(cost=0, refusal=_refusal(status, errors, "INVALID_DOCUMENT"))


def _refusal(status: int, errors: Sequence[GraphQLError], code: str) -> Answer:
    """Errors of a request that was not executed; ``code`` is for those that have none of their own."""
    return Answer({"errors": [_coded(error, code) for error in errors]}, status)


def _coded(error: GraphQLError, code: str) -> dict[str, Any]:
    formatted = dict(error.formatted)
    formatted["message"] = error.message[:_MAX_MESSAGE]  # it may quote the input
    formatted["extensions"] = {"code": code, **(error.extensions or {})}
    return formatted
