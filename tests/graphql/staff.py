"""Earning rules, settings and the audit as staff ask for them, over HTTP with a key of their own."""

from datetime import timedelta
from typing import Any, cast

from graphql import GraphQLUnionType

from pointbook.graphql.schema import build_schema
from tests.http.fixtures import Clock, Shop
from tests.support import order_document

IN_FORCE = timedelta(seconds=5)
_REFUSALS = {"InvalidInput": "field", "EditConflict": "subject version", "RuleNotFound": "key"}
_SCHEMA = build_schema()
_RULE = """
  key state inertReason
  inForce { version rule { points } }
  newest {
    version effectiveFrom state
    rule {
      kind name labels { locale text } points moneyPerPoint factor targets rounding stackGroup excludesMenus
      exclusiveVoucherTypes inclusiveOfRedeemedValue surchargeInBasis deliveryFeeInBasis availableAtOnce
      expiry { days on } stores { all only } entryChannels { all only } exitChannels { all only }
      validFrom validUntil weekdays holidays { all only }
      caps { perOrder perDay perMember { points period } }
    }
  }
"""
PIZZA = {"kind": "ARTICLE", "name": "pizza, Anna's idea", "points": 5, "targets": ["pizza"]}


async def change(shop: Shop, mutation: str, selection: str | None = None, **given: Any) -> Any:
    """The answer to a mutation: its success, or its refusal with ``__typename``."""
    name = mutation[0].upper() + mutation[1:]
    shown = f"rule {{ {_RULE} }}" if selection is None else selection
    union = cast("GraphQLUnionType", _SCHEMA._schema.get_type(f"{name}Result"))
    refusals = " ".join(
        f"... on {kind.name} {{ {_REFUSALS[kind.name]} }}" for kind in union.types if kind.name in _REFUSALS
    )
    reply = await shop.as_staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{"
        f" ... on UserError {{ __typename code message }} {refusals} ... on {name}Success {{ {shown} }} }} }}",
        input=given,
    )
    return reply.data[mutation]


async def create(shop: Shop, rule: dict[str, Any] | None = None, **more: Any) -> Any:
    answer = await change(shop, "createRule", rule=rule or PIZZA, **more)
    return answer.get("rule", answer)


async def find(shop: Shop, key: str) -> Any:
    reply = await shop.as_staff(f"query ($key: ID!) {{ earningRule(key: $key) {{ {_RULE} }} }}", key=key)
    return reply.data["earningRule"]


async def audit(shop: Shop, **wanted: Any) -> list[dict[str, Any]]:
    reply = await shop.as_staff(
        "query ($filter: AuditFilter) { auditEntries(filter: $filter) {"
        " nodes { at changedBy label action subject before after } } }",
        filter=wanted,
    )
    entries: list[dict[str, Any]] = reply.data["auditEntries"]["nodes"]
    return entries


def wait(clock: Clock, time: timedelta = IN_FORCE) -> None:
    clock.now += time


async def earned(shop: Shop, order: str) -> int:
    document = order_document(
        order, "10.00", lines=[{"id": "1", "articleId": "pizza", "quantity": 1, "amount": "10.00"}]
    )
    reply = await shop.as_server(
        "mutation ($order: OrderInput!) {"
        " submitOrder(input: {order: $order}) { ... on SubmitOrderSuccess { points } } }",
        order=document,
    )
    points: int = reply.data["submitOrder"]["points"]
    return points
