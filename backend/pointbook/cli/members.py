"""``pointbook member``: what a member may do."""

from enum import StrEnum
from typing import Annotated

import typer

from pointbook.cli.output import console
from pointbook.cli.programmes import Slug
from pointbook.cli.running import now, programme_of, run
from pointbook.services import members as services
from pointbook.services.installation import Installation

member = typer.Typer(help="Members: what they may do.", no_args_is_help=True)

_Customer = Annotated[str, typer.Argument(metavar="EXTERNAL_ID", help="The shop's id of the customer.")]


class State(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


@member.command("state")
def state(customer: _Customer, state: Annotated[State, typer.Argument()], slug: Slug = None) -> None:
    """Let a member earn and spend, or neither. Open redemptions stay."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        member = await services.set_state(
            installation, found.id, customer, services.MemberState[state.name], now=found.now(now())
        )
        console.print(f"Member {customer} of {found.slug} is {member.state}.")

    run(call)


@member.command("lock-redemption")
def lock(customer: _Customer, slug: Slug = None) -> None:
    """Let a member earn and not spend. Open redemptions stay."""
    _lock(customer, slug, locked=True)


@member.command("unlock-redemption")
def unlock(customer: _Customer, slug: Slug = None) -> None:
    """Let a locked member spend again."""
    _lock(customer, slug, locked=False)


def _lock(customer: str, slug: str | None, *, locked: bool) -> None:
    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        member = await services.set_redemption_lock(
            installation, found.id, customer, locked=locked, now=found.now(now())
        )
        may = "may not" if member.redemption_locked else "may"
        console.print(f"Member {customer} of {found.slug} {may} redeem points.")

    run(call)
