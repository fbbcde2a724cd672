"""Who calls, and who may call what. Only declarations: keys and tokens are checked in the services."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias


class CallerKind(enum.StrEnum):
    """The kinds of caller. Each is what its credential proves, not what it claims."""

    GUEST = "GUEST"
    """A page with the programme's publishable key: anybody."""
    CUSTOMER = "CUSTOMER"
    """A shop's customer, named by a signed token."""
    SERVER = "SERVER"
    """The shop's own back end, with a secret key."""
    STAFF = "STAFF"
    """A person at the merchant's, with a key and rights of their own."""


class Scope(enum.StrEnum):
    """What a secret key may be restricted to. A key carries the scopes it was made with, all by default."""

    ORDERS_SUBMIT = "ORDERS_SUBMIT"
    BOOKINGS_SUBMIT = "BOOKINGS_SUBMIT"
    VOUCHERS_READ = "VOUCHERS_READ"
    REDEMPTIONS_CAPTURE = "REDEMPTIONS_CAPTURE"
    GIFT_CARDS_READ = "GIFT_CARDS_READ"
    GIFT_CARDS_USE = "GIFT_CARDS_USE"
    TOKENS_CREATE = "TOKENS_CREATE"
    MEMBERS_WRITE = "MEMBERS_WRITE"


class Right(enum.StrEnum):
    """What a person at the merchant's may do. A staff key carries the rights it was made with, none by default."""

    LIST_PROVISION = "loyalty.listProvision"
    """See the earning rules with their internal names, and the settings."""
    EDIT_PROVISION = "loyalty.editProvision"
    """Make, change, switch and delete earning rules, and simulate them."""
    EDIT_SETTINGS = "loyalty.editSettings"
    """Change settings and stores; stop earning, close and reopen the programme."""

    SEND_ORDERS = "orders.send"
    """Send orders and returns by hand, see what came of each."""
    LIST_GIFT_CARDS = "giftCards.list"
    """See the gift cards that were bought, by their last four signs."""
    VOID_GIFT_CARDS = "giftCards.void"
    """Void unused gift cards, which gives their points back."""
    LIST_ORDERS = "orders.list"
    """See orders and returns with their entries and explanations, and what staff are warned of."""
    LIST_BOOKINGS = "bookings.list"
    """See bookings with their entries and explanations."""

    LIST_EXCHANGES = "exchange.list"
    """See the orders for which members exchanged points."""
    DECIDE_EXCHANGES = "exchange.decide"
    """Say whether an order is exchanged, and cancel it."""
    EDIT_CATALOGUE = "catalogue.edit"
    """See and change what may be had for points, also what is not on sale, and its stock."""

    ADJUST_POINTS = "points.adjust"
    """Give and take points by hand, undo that, see what was done so, and the balance of whom it was done to."""
    ADJUST_BELOW_ZERO = "points.adjustNegative"
    """With the right to adjust: take more than a member has, which makes a debt."""
    ADJUST_ABOVE_LIMIT = "points.adjustAboveLimit"
    """With the right to adjust: give and take more points at a time than the programme's limit."""
    LIST_MEMBERS = "members.list"
    """See the members with e-mail, balance and history."""
    EDIT_MEMBERS = "members.edit"
    """Say whether a member earns and redeems, and put right what is known of them."""
    LIST_AUDIT = "audit.list"
    """See who changed what, with before and after."""
    ERASE_MEMBERS = "members.erase"
    """Let a member leave for good: points forfeited, personal data gone."""
    EDIT_NOTICES = "notices.edit"
    """See and change what notices by mail say, who sends them and which are sent; try them."""
    LIST_MERGES = "merges.list"
    """See the requests to merge two members, with both sides once the address is proved."""
    DECIDE_MERGES = "merges.decide"
    """Merge two members for good, or reject that."""
    MANAGE_WEBHOOKS = "webhooks.manage"
    """See and change who is told of events by webhook, see what was sent, and send it again."""

    MOVE_CLOCK = "sandbox.moveClock"
    """See the clock of a sandbox programme, and move it on."""


Permission: TypeAlias = Scope | Right
ALL_SCOPES: Final = frozenset(Scope)
ALL_RIGHTS: Final = frozenset(Right)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credential was checked. ``subject`` is the shop's customer id, for a CUSTOMER only.

    ``scopes`` are a server's; of staff they are rights. ``issued_at``: when a customer's token was.
    """

    kind: CallerKind
    programme_id: int
    key_id: str
    scopes: frozenset[Permission] = field(default_factory=frozenset)
    subject: str | None = None
    issued_at: datetime | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        assert (self.kind is CallerKind.CUSTOMER) == (self.subject is not None), "exactly customers have a subject"

    @property
    def identity(self) -> str:
        """Who this is, in idempotency keys and the audit: a customer, whatever token they hold, or one key.

        >>> Principal(CallerKind.CUSTOMER, 1, "kid-7", subject="4711").identity
        'CUSTOMER:4711'
        """
        return f"{self.kind}:{self.key_id if self.subject is None else self.subject}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may use a root field. A server also needs ``scope``, if one is named; staff need ``right``, or if that
    is not named ``scope`` as a right.

    >>> submit = Policy(frozenset({CallerKind.SERVER}), Scope.ORDERS_SUBMIT)
    >>> submit.admits(Principal(CallerKind.SERVER, 1, "sk_1", ALL_SCOPES))
    True
    >>> submit.admits(Principal(CallerKind.SERVER, 1, "sk_2", frozenset({Scope.VOUCHERS_READ})))
    False
    """

    callers: frozenset[CallerKind]
    scope: Permission | None = None
    right: Right | None = None

    def __post_init__(self) -> None:
        assert self.callers, "a policy that admits nobody is a mistake"

    def admits(self, principal: Principal | None) -> bool:
        """False for a caller without a valid credential, whatever the policy."""
        if principal is None or principal.kind not in self.callers:
            return False
        unscoped = principal.kind in (CallerKind.GUEST, CallerKind.CUSTOMER)
        needed = self.right if self.right and principal.kind is CallerKind.STAFF else self.scope
        return needed is None or unscoped or needed in principal.scopes


ANYBODY: Final = Policy(frozenset(CallerKind))
"""Whoever has any credential of the programme, a publishable key included."""
SHOPPERS: Final = Policy(frozenset({CallerKind.GUEST, CallerKind.CUSTOMER}))
"""Whoever fills a cart, joined or not."""
CUSTOMERS: Final = Policy(frozenset({CallerKind.CUSTOMER}))


def servers(scope: Scope) -> Policy:
    """The shop's back end, with a key that carries ``scope``."""
    return Policy(frozenset({CallerKind.SERVER}), scope)


def staff(right: Right) -> Policy:
    """People at the merchant's whose key carries ``right``."""
    return Policy(frozenset({CallerKind.STAFF}), right)


def servers_and_staff(scope: Scope, right: Right) -> Policy:
    """The shop's back end with ``scope``, and people at the merchant's with ``right``."""
    return Policy(frozenset({CallerKind.SERVER, CallerKind.STAFF}), scope, right)
