"""Selections made of the schema, so that a field that comes later is asked for, too."""

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

_PAGE = 15


def everything(schema: GraphQLSchema, root: str) -> str:
    """All that a root field of Query can answer, its types' fields however deep."""
    assert schema.query_type is not None
    return _inside(schema.query_type.fields[root])


def _inside(field: GraphQLField) -> str:
    type_ = get_named_type(field.type)
    if is_leaf_type(type_):
        return ""
    if isinstance(type_, GraphQLUnionType):
        members = [f"... on {member.name} {_fields(member)}" for member in type_.types if _is_success(member)]
        return f"{{ __typename {' '.join(members)} ... on UserError {{ code message }} }}"
    assert isinstance(type_, GraphQLObjectType)
    return _fields(type_)


def _fields(type_: GraphQLObjectType) -> str:
    parts = [
        f"{name}{f'(first: {_PAGE})' if 'first' in field.args else ''} {_inside(field)}"
        for name, field in type_.fields.items()
    ]
    return f"{{ {' '.join(parts)} }}"


def _is_success(member: GraphQLObjectType) -> bool:
    return "UserError" not in [each.name for each in member.interfaces]
