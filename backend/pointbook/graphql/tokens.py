"""Customer tokens for shops that let Pointbook sign them."""

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from pointbook.domain.access import Scope, servers
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.graphql.context import Info
from pointbook.graphql.errors import InvalidInput
from pointbook.graphql.policies import mutation_field
from pointbook.services import tokens as service

_LONGEST = int(service.LONGEST_LIFE.total_seconds())


@strawberry.type(description="A token that proves who a customer is.")
class CustomerTokenCreateSuccess:
    token: str = strawberry.field(description="Goes to the customer's page, which sends it as Bearer.")
    expires_at: datetime = strawberry.field(description="When it ends.")


@strawberry.input(description="For whom, and for how long.")
class CustomerTokenCreateInput:
    customer_external_id: strawberry.ID = strawberry.field(
        description="The shop's id of the customer, who must be signed in at the shop."
    )
    lifetime_seconds: int = strawberry.field(default=_LONGEST, description="1 to 900 seconds.")


CustomerTokenCreateResult = Annotated[
    CustomerTokenCreateSuccess | InvalidInput,
    strawberry.union("CustomerTokenCreateResult", description="The token, or why there is none."),
]


@strawberry.type
class TokenMutation:
    @mutation_field(servers(Scope.TOKENS_CREATE), "A token with which a customer's page may call the API.")
    async def customer_token_create(
        self,
        info: Info,
        input: Annotated[CustomerTokenCreateInput, strawberry.argument(description="For whom, for how long.")],  # noqa: A002
    ) -> CustomerTokenCreateResult:
        context = info.context
        if not 1 <= input.lifetime_seconds <= _LONGEST:
            raise Invalid("lifetimeSeconds", f"must be 1 to {_LONGEST}")
        made = await service.create_customer_token(
            context.installation,
            context.principal.programme_id,
            input.customer_external_id,
            lifetime=timedelta(seconds=input.lifetime_seconds),
            now=context.real_now,
        )
        return CustomerTokenCreateSuccess(token=made.token, expires_at=made.expires_at)
