"""What a document may ask for, decided before it is validated.

One pass over the document; each fragment is weighed once, so that nested fragments cannot make the
pass itself expensive. Validation compares fields with equal response names pairwise, which is why
their number is limited here, too.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    is_object_type,
    parse,
    visit,
)

MAX_CHARACTERS = 20_000
MAX_TOKENS = 1_000
MAX_COMMENTS = 100
MAX_OPERATIONS = 10
MAX_DEPTH = 16  # the introspection query of GraphiQL needs 15
MAX_ALIASES = 30
MAX_DIRECTIVES = 30
MAX_COST = 5_000
MAX_COMPARISONS = 2_500
MAX_LEVELS = 100  # fields and fragments inside each other; keeps the pass away from Python's own limit
MAX_PAGE = 100

ROOT_FIELD_COST = 10  # a root field is a statement or a transaction, not only a value to print
_LIST_SIZE = 10  # what a list without pages is taken for
_PAGE_DIGITS = 4  # a longer number is above any page
_INTROSPECTION_ROOTS = frozenset({"__schema", "__type"})
_INTROSPECTION_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})
_NUL = re.compile(r"\0|\\u0000|\\u\{0+\}")


class DocumentRefused(GraphQLError):
    """The document is not run; ``code`` in its extensions says which limit it is over."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


class Weight(NamedTuple):
    """What a selection set asks for, fragments expanded. ``cost`` is fields times the page sizes around them."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0
    introspections: int = 0
    introspection_lists: int = 0

    def check(self) -> None:
        """Raise DocumentRefused for the first limit this weight is over."""
        if self.depth > MAX_DEPTH:
            raise DocumentRefused("TOO_DEEP", f"The document is more than {MAX_DEPTH} levels deep.")
        if self.aliases > MAX_ALIASES:
            raise DocumentRefused("TOO_MANY_ALIASES", f"The document has more than {MAX_ALIASES} aliases.")
        if self.directives > MAX_DIRECTIVES:
            raise DocumentRefused(
                "TOO_MANY_DIRECTIVES", f"The document has more than {MAX_DIRECTIVES} directives."
            )
        if self.introspections > 1 or self.introspection_lists > 1:
            raise DocumentRefused("TOO_MUCH_INTROSPECTION", "The document asks for the schema more than once.")
        if self.cost > MAX_COST:
            raise DocumentRefused(
                "TOO_COSTLY", f"The document costs {self.cost}, more than {MAX_COST} (fields times page sizes)."
            )


class PageSizes:
    """How many items a field of a given name may answer with, when its ``first`` does not say it."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._sizes: dict[str, int] = {}
        for type_name, type_ in schema.type_map.items():
            if is_object_type(type_) and not type_name.startswith("__"):
                for name, field in type_.fields.items():
                    self._sizes[name] = max(_page_size(name, field), self._sizes.get(name, 1))

    def of(self, field: FieldNode, variables: Mapping[str, object]) -> int:
        """The multiplier of the field's children: its page size, at least 1, at most MAX_PAGE."""
        for argument in field.arguments or ():
            if argument.name.value == "first":
                return min(max(_integer(argument.value, variables), 1), MAX_PAGE)
        return self._sizes.get(field.name.value, 1)


def _page_size(name: str, field: GraphQLField) -> int:
    if "first" in field.args:
        default = field.args["first"].default_value
        return default if isinstance(default, int) else MAX_PAGE
    type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    # the page that `nodes` and `edges` belong to was counted at the connection
    return _LIST_SIZE if isinstance(type_, GraphQLList) and name not in {"nodes", "edges"} else 1


def _integer(node: Node, variables: Mapping[str, object]) -> int:
    """The value of a page size; what cannot be known yet counts as the largest page."""
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) <= _PAGE_DIGITS else MAX_PAGE
    if isinstance(node, VariableNode):
        value = variables.get(node.name.value)
        if isinstance(value, int):
            return value
    return MAX_PAGE


class _Pass:
    """Weighs the definitions of one document: a fragment once, a cycle is refused."""

    def __init__(self, document: DocumentNode, sizes: PageSizes, variables: Mapping[str, object]) -> None:
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.responses: Counter[str] = Counter()
        self.spreads = 0
        self._sizes = sizes
        self._variables = variables
        self._weighed: dict[str, Weight | None] = {}  # None: being weighed right now

    def operation(self, operation: OperationDefinitionNode) -> Weight:
        weight = self._selections(operation.selection_set, 1, root=True)
        return weight._replace(directives=weight.directives + len(operation.directives or ()))

    def fragment(self, name: str, level: int, *, root: bool) -> Weight:
        fragment = self.fragments.get(name)
        if fragment is None:
            return Weight()  # validation names the unknown fragment
        if name not in self._weighed:
            self._weighed[name] = None
            self._weighed[name] = self._selections(fragment.selection_set, level + 1, root=root)
        weight = self._weighed[name]
        if weight is None:
            raise DocumentRefused("FRAGMENT_CYCLE", "A fragment contains itself.")
        return weight

    def _selections(self, selections: SelectionSetNode, level: int, *, root: bool) -> Weight:
        if level > MAX_LEVELS:
            raise DocumentRefused("TOO_DEEP", f"The document is more than {MAX_DEPTH} levels deep.")
        depth = aliases = directives = cost = introspections = lists = 0
        for node in selections.selections:
            part = self._selection(node, level, root=root)
            depth = max(depth, part.depth)
            aliases += part.aliases
            directives += part.directives + len(node.directives or ())
            cost += part.cost
            introspections += part.introspections
            lists = max(lists, part.introspection_lists)
        return Weight(depth, aliases, directives, cost, introspections, lists)

    def _selection(self, node: SelectionNode, level: int, *, root: bool) -> Weight:
        if isinstance(node, FieldNode):
            return self._field(node, level, root=root)
        if isinstance(node, InlineFragmentNode):
            return self._selections(node.selection_set, level + 1, root=root)
        assert isinstance(node, FragmentSpreadNode)
        self.spreads += 1
        return self.fragment(node.name.value, level, root=root)

    def _field(self, node: FieldNode, level: int, *, root: bool) -> Weight:
        name = node.name.value
        self.responses[node.alias.value if node.alias else name] += 1
        inside = self._selections(node.selection_set, level + 1, root=False) if node.selection_set else Weight()
        base = ROOT_FIELD_COST if root and not name.startswith("__") else 1
        return Weight(
            depth=inside.depth + 1,
            aliases=inside.aliases + (node.alias is not None),
            directives=inside.directives,
            cost=base + inside.cost * self._sizes.of(node, self._variables),
            introspections=inside.introspections + (name in _INTROSPECTION_ROOTS),
            introspection_lists=inside.introspection_lists + (name in _INTROSPECTION_LISTS),
        )

    def check_repetition(self) -> None:
        """Raise DocumentRefused where validation would compare too many fields and fragments with each other."""
        pairs = sum(count * count for count in self.responses.values() if count > 1)
        if pairs + self.spreads * self.spreads > MAX_COMPARISONS:
            raise DocumentRefused("TOO_MUCH_REPETITION", "The document repeats fields or fragments too often.")


def read(text: str) -> DocumentNode:
    """Parse a document. Raises DocumentRefused over a limit, GraphQLSyntaxError for what is no GraphQL."""
    if len(text) > MAX_CHARACTERS:
        raise DocumentRefused("TOO_LONG", f"The document is longer than {MAX_CHARACTERS} characters.")
    if _NUL.search(text):
        raise DocumentRefused("INVALID_TEXT", "Text must not contain the character U+0000.")
    return parse(
        text,
        max_lexical_tokens=MAX_TOKENS,
        max_comments=MAX_COMMENTS,
        allow_empty_selection_sets=False,
    )


def page_variables(document: DocumentNode) -> tuple[str, ...]:
    """Names of the variables that decide a page size: with equal values, a document weighs the same."""
    found = _PageVariables()
    visit(document, found)
    return tuple(sorted(found.names))


class _PageVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if node.name.value == "first" and isinstance(node.value, VariableNode):
            self.names.add(node.value.name.value)


def _defaults(operations: list[OperationDefinitionNode]) -> dict[str, int]:
    """Whole numbers that variables have when they are not sent; of several operations' the largest."""
    defaults: dict[str, int] = {}
    for operation in operations:
        for variable in operation.variable_definitions or ():
            if isinstance(variable.default_value, IntValueNode):
                name = variable.variable.name.value
                defaults[name] = max(_integer(variable.default_value, {}), defaults.get(name, 0))
    return defaults


def weigh(document: DocumentNode, sizes: PageSizes, variables: Mapping[str, object]) -> dict[str | None, Weight]:
    """The weight of each operation by its name. Raises DocumentRefused when the document is over a limit."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    if len(operations) > MAX_OPERATIONS:
        raise DocumentRefused("TOO_MANY_OPERATIONS", f"A document has at most {MAX_OPERATIONS} operations.")
    weighing = _Pass(document, sizes, {**_defaults(operations), **variables})
    if len(weighing.fragments) < len(fragments):
        raise DocumentRefused("DUPLICATE_FRAGMENT", "Two fragments have the same name.")
    weights = [(node.name.value if node.name else None, weighing.operation(node)) for node in operations]
    for name in weighing.fragments:
        weighing.fragment(name, 1, root=False).check()
    for _, weight in weights:
        weight.check()
    weighing.check_repetition()
    return dict(weights)
