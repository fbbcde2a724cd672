"""The audit: who did what in the programme, with before and after."""

from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from pointbook.domain.access import Right, staff
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.policies import query_field
from pointbook.services import audit as service

_PAGE = 20
_CURSOR = "audit"

described_enum(
    service.Action,
    "What was changed.",
    name="AuditAction",
    PROGRAMME_CREATED="The programme was made.",
    SETTINGS_CHANGED="There is a new version of the settings.",
    CURRENCY_CHANGED="The programme counts in another currency.",
    CLOCK_MOVED="The clock of a sandbox was moved on.",
    STATE_CHANGED="The programme was opened, stopped or closed.",
    LOCALES_CHANGED="The programme's texts are in other languages.",
    CHANNELS_CHANGED="There are other channels.",
    HOLIDAYS_CHANGED="A store, or orders without one, have other holidays.",
    STORE_ADDED="There is a new store.",
    STORE_CHANGED="A store has another name or time zone.",
    STORE_SWITCHED="A store was switched on or off.",
    RULE_CREATED="There is a new earning rule.",
    RULE_EDITED="A rule has another content.",
    RULE_ACTIVATED="A rule was activated.",
    RULE_DEACTIVATED="A rule was deactivated.",
    RULE_DELETED="A rule was deleted.",
    GIFT_CARD_VOIDED="An unused gift card was voided.",
    OFFER_SAVED="An offer of a catalogue is new or has another content.",
    STOCK_CHANGED="The staff changed the stock of an exchange item.",
    EXCHANGE_DECIDED="An exchange order was exchanged, opened again or cancelled.",
    POINTS_ADJUSTED="The staff gave or took points of a member.",
    MEMBER_RESTRICTED="A member may earn or redeem, or may no more.",
    MEMBER_EDITED="What is known of a member was put right; which fields is said, not what they hold.",
    ORDERS_SENT="Orders and returns were sent by hand, or tried to be.",
    ORDER_SENDING_CANCELLED="A sending by hand was cancelled.",
    KEY_CREATED="There is a new key: publishable, secret, of a person, or for customers' tokens.",
    KEY_REVOKED="A key is good no more.",
    ENDPOINT_CREATED="There is a new address that takes webhooks from the shop.",
    ENDPOINT_REVOKED="An address takes webhooks from the shop no more.",
    MEMBER_LEFT="A member left, or staff let them: points are forfeited and personal data gone.",
    NOTICE_TEXT_CHANGED="A notice says something else in a language.",
    NOTICE_SETTINGS_CHANGED="Notices have another sender or look, go to other staff, or were switched.",
    TEST_NOTICE_SENT="The staff had a notice sent to try it.",
    MERGE_DECIDED="Two members' accounts were merged, or their request was rejected.",
    WEBHOOK_CREATED="There is a new webhook subscription.",
    WEBHOOK_CHANGED="A webhook subscription has another URL, other events, or was switched.",
    WEBHOOK_SECRET_ROTATED="A webhook subscription signs with a new secret.",  # noqa: S106  # a name
    WEBHOOK_DELETED="A webhook subscription was deleted, with what was sent.",
    WEBHOOK_REDELIVERED="A webhook is sent again.",
)


@strawberry.type(description="What somebody did in the programme; it is never changed itself.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="Its id in the programme.")
    at: datetime = strawberry.field(description="When it was made.")
    changed_by: str = strawberry.field(
        description='Who made it: kind and id of a key, "operator" by command line, "member" by themselves.'
    )
    label: str | None = strawberry.field(description="What that key is called; of a staff key, whose it is.")
    action: service.Action = strawberry.field(description="What was changed.")
    subject: str = strawberry.field(
        description='What it was changed of: "programme", "settings", "store <id>", "rule <key>", '
        '"exchange item <sku>", "gift card product <sku>", "gift card <id>", "exchange order <id>", '
        '"member <id>", "order sending <id>", "key <id>", "token key <id>", "webhook endpoint <id>", '
        '"webhook subscription <id>", "merge request <id>", "notice settings", "notice text <kind> <locale>", '
        '"test notice", "clock".'
    )
    before: JSON | None = strawberry.field(description="As it was; null for what is new.")
    after: JSON | None = strawberry.field(description="As it is from then on; null for what is no more.")

    @classmethod
    def of(cls, entry: service.AuditEntry) -> Self:
        change = entry.change
        return cls(
            id=strawberry.ID(str(entry.id)),
            at=entry.at,
            changed_by=entry.changed_by,
            label=entry.label,
            action=change.action,
            subject=change.subject,
            before=None if change.before is None else JSON(change.before),
            after=None if change.after is None else JSON(change.after),
        )


@strawberry.input(description="Only entries that fit all that is said.")
class AuditFilter:
    subject: str | None = strawberry.field(default=None, description='Of this, like "settings" or "rule <key>".')
    changed_by: str | None = strawberry.field(
        default=None, description="Of this person or system, as entries name it."
    )
    actions: list[service.Action] | None = strawberry.field(default=None, description="One of these.")
    since: datetime | None = strawberry.field(default=None, description="From then on.")
    until: datetime | None = strawberry.field(default=None, description="Before then.")

    def wanted(self) -> service.Wanted:
        return service.Wanted(self.subject, self.changed_by, self.actions, self.since, self.until)


@strawberry.type
class AuditQuery:
    @query_field(staff(Right.LIST_AUDIT), "Who did what in the programme, newest first.")
    async def audit_entries(
        self,
        info: Info,
        first: First = _PAGE,
        after: OlderThan = None,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
    ) -> Connection[AuditEntry]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        wanted = service.ALL if filter is None else filter.wanted()
        entries = await service.list_entries(*info.context.tenant, first=size + 1, before_id=before, wanted=wanted)
        return Connection[AuditEntry].of(
            _CURSOR, [(each.id, AuditEntry.of(each)) for each in entries], size, after
        )
