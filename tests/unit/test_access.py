"""Who may call what: nobody without a credential, a key only within its scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.access import (
    ALL_RIGHTS,
    ALL_SCOPES,
    ANYBODY,
    CUSTOMERS,
    CallerKind,
    Permission,
    Policy,
    Principal,
    Right,
    Scope,
    servers,
    staff,
)


def principal(kind: CallerKind, scopes: frozenset[Permission] = frozenset()) -> Principal:
    return Principal(kind, 1, "key", scopes, "4711" if kind is CallerKind.CUSTOMER else None)


POLICIES = st.builds(
    Policy,
    st.sets(st.sampled_from(CallerKind), min_size=1).map(frozenset),
    st.none() | st.sampled_from([*Scope, *Right]),
)


@given(POLICIES)
def test_no_policy_admits_a_caller_without_a_credential(policy: Policy) -> None:
    assert not policy.admits(None)


@given(POLICIES, st.sampled_from(CallerKind))
def test_a_policy_admits_the_kinds_it_names_and_no_other(policy: Policy, kind: CallerKind) -> None:
    assert policy.admits(principal(kind, ALL_SCOPES | ALL_RIGHTS)) == (kind in policy.callers)


@pytest.mark.parametrize("kind", [CallerKind.SERVER, CallerKind.STAFF])
def test_a_key_needs_the_scope(kind: CallerKind) -> None:
    policy = Policy(frozenset({kind}), Scope.ORDERS_SUBMIT)
    assert policy.admits(principal(kind, frozenset({Scope.ORDERS_SUBMIT})))
    assert not policy.admits(principal(kind, ALL_SCOPES - {Scope.ORDERS_SUBMIT}))


def test_named_policies() -> None:
    admitted = {
        "anybody": [kind for kind in CallerKind if ANYBODY.admits(principal(kind))],
        "customers": [kind for kind in CallerKind if CUSTOMERS.admits(principal(kind))],
        "servers": [
            kind for kind in CallerKind if servers(Scope.VOUCHERS_READ).admits(principal(kind, ALL_SCOPES))
        ],
        "staff": [kind for kind in CallerKind if staff(Right.EDIT_SETTINGS).admits(principal(kind, ALL_RIGHTS))],
    }
    assert admitted == {
        "anybody": list(CallerKind),
        "customers": [CallerKind.CUSTOMER],
        "servers": [CallerKind.SERVER],
        "staff": [CallerKind.STAFF],
    }


def test_idempotency_keys_are_a_customers_own_or_a_keys_own() -> None:
    by_one_token = Principal(CallerKind.CUSTOMER, 1, "kid-1", subject="4711")
    by_another = Principal(CallerKind.CUSTOMER, 1, "kid-2", subject="4711")
    assert by_one_token.identity == by_another.identity
    named_like_a_customer = Principal(CallerKind.SERVER, 1, "4711")
    identities = {
        by_one_token.identity,
        named_like_a_customer.identity,
        Principal(CallerKind.SERVER, 1, "8").identity,
    }
    assert len(identities) == 3


@pytest.mark.parametrize(("kind", "subject"), [(CallerKind.CUSTOMER, None), (CallerKind.SERVER, "4711")])
def test_exactly_customers_have_a_subject(kind: CallerKind, subject: str | None) -> None:
    with pytest.raises(AssertionError):
        Principal(kind, 1, "key", subject=subject)


def test_a_policy_for_nobody_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        Policy(frozenset())
