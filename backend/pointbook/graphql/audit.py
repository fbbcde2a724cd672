"""The audit: who changed what of the programme's configuration, with before and after."""

from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from pointbook.domain.access import Right, staff
from pointbook.graphql.connections import Connection, key_of, page_size
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
    STATE_CHANGED="The programme was opened, stopped or closed.",
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
    WEBHOOK_CREATED="There is a new webhook subscription.",
    WEBHOOK_CHANGED="A webhook subscription has another URL, other events, or was switched.",
    WEBHOOK_SECRET_ROTATED="A webhook subscription signs with a new secret.",  # noqa: S106  # a name
    WEBHOOK_DELETED="A webhook subscription was deleted, with what was sent.",
    WEBHOOK_REDELIVERED="A webhook is sent again.",
)


@strawberry.type(description="A change of the programme's configuration; it is never changed itself.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="Its id in the programme.")
    at: datetime = strawberry.field(description="When it was made.")
    changed_by: str = strawberry.field(description="Who made it: kind and id of a key, or the operator.")
    label: str | None = strawberry.field(description="What that key is called; of a staff key, whose it is.")
    action: service.Action = strawberry.field(description="What was changed.")
    subject: str = strawberry.field(
        description='What it was changed of: "programme", "settings", "store <id>", "rule <key>", '
        '"exchange item <sku>", "gift card product <sku>", "gift card <id>", "exchange order <id>", '
        '"member <id>", "webhook subscription <id>".'
    )
    before: JSON | None = strawberry.field(description="As it was; null for what is new.")
    after: JSON | None = strawberry.field(description="As it is from then on.")

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


@strawberry.type
class AuditQuery:
    @query_field(staff(Right.LIST_PROVISION), "What was changed of the programme's configuration, newest first.")
    async def audit_entries(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, at most 100.")] = _PAGE,
        after: Annotated[
            str | None, strawberry.argument(description="Only what is older than this cursor.")
        ] = None,
        subject: Annotated[
            str | None, strawberry.argument(description='Only of this, like "settings" or "rule <key>".')
        ] = None,
    ) -> Connection[AuditEntry]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        entries = await service.list_entries(
            *info.context.tenant, first=size + 1, before_id=before, subject=subject
        )
        return Connection[AuditEntry].of(
            _CURSOR, [(each.id, AuditEntry.of(each)) for each in entries], size, after
        )
