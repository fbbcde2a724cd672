"""Who may call which root field. Every root field is made here, and none without a policy."""

from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.permission import BasePermission
from strawberry.types.field import StrawberryField

from pointbook.domain.access import ANYBODY, Policy, Right
from pointbook.graphql.context import Info


class Forbidden(strawberry.exceptions.StrawberryGraphQLError):
    """The caller's kind or scopes do not reach this field."""


class PolicyPermission(BasePermission):
    """Asks the declared policy of one root field; the subclasses differ only in it."""

    policy: Policy

    def has_permission(self, source: object, info: Info, **_: object) -> bool:  # noqa: ARG002
        return self.policy.admits(info.context.principal)

    def on_unauthorized(self) -> None:
        raise Forbidden(self.message or "", extensions={"code": "FORBIDDEN"})


def require(info: Info, right: Right) -> None:
    """For what a right of its own opens within a field. Raises Forbidden, as the field does without its right."""
    if right not in info.context.principal.scopes:
        raise Forbidden(f"This is for staff with the right {right}.", extensions={"code": "FORBIDDEN"})


def query_field(policy: Policy, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A field of Query that ``policy`` guards."""
    return _root_field(strawberry.field, policy, description)


def mutation_field(policy: Policy, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A field of Mutation that ``policy`` guards."""
    return _root_field(strawberry.mutation, policy, description)


def subscription_field(policy: Policy, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A field of Subscription that ``policy`` guards."""
    return _root_field(strawberry.subscription, policy, description)


def _root_field(
    kind: Callable[..., Callable[[Callable[..., Any]], Any]], policy: Policy, description: str
) -> Callable[[Callable[..., Any]], Any]:
    who = ", ".join(sorted(caller.lower() for caller in policy.callers))
    needed = [f"the {type(one).__name__.lower()} {one}" for one in (policy.scope, policy.right) if one]
    scope = f" with {' or '.join(needed)}" if needed else ""
    permission = type(
        "RootPolicy", (PolicyPermission,), {"policy": policy, "message": f"This is for: {who}{scope}."}
    )
    return kind(permission_classes=[permission], description=f"{description}\n\nFor: {who}{scope}.")


def policy_of(field: StrawberryField) -> Policy | None:
    """The declared policy of a root field; None is a mistake that the tests look for."""
    for permission in field.permission_classes:
        if issubclass(permission, PolicyPermission):
            return permission.policy
    return None


def is_public(policy: Policy | None) -> bool:
    """Whether a guest's answer may be kept by any cache: everybody gets it, and a guest's is no person's own."""
    return policy == ANYBODY
