"""How webhooks that go out, and those who get them, stand."""

import enum


class SubscriptionState(enum.StrEnum):
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    """Nothing is sent; events that happen meanwhile are not kept for it."""


class DisabledReason(enum.StrEnum):
    STAFF = "STAFF"
    FAILING = "FAILING"
    """Nothing but failures came for some days."""
    GONE = "GONE"
    """The receiver answered 410: it wants no more."""


class SendingState(enum.StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    """Its last attempt failed, too."""
