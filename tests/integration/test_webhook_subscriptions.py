"""Webhook subscriptions: what a lost answer of the database does to them, and how many secrets sign at once."""

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.webhook_subscriptions import (
    create_subscription,
    delete_subscription,
    list_subscriptions,
    rotate_secret,
)
from tests.support import DAY, NOW, server
from tests.unanswered import commits_unanswered

URL = "https://shop.example/hooks"


async def test_a_lost_answer_makes_one_subscription_and_its_secret_is_shown(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    with commits_unanswered():
        made = await create_subscription(installation, server(programme), URL, [], now=NOW)
    assert made.secret.startswith("whsec_")
    assert await list_subscriptions(installation, programme.id) == [made.subscription]


@pytest.mark.parametrize("previous_hours", [0, 24])
async def test_a_lost_answer_rotates_a_secret_once(
    installation: Installation, programme: ProgrammeSnapshot, previous_hours: int
) -> None:
    staff = server(programme)
    made = await create_subscription(installation, staff, URL, [], now=NOW)
    with commits_unanswered():
        new = await rotate_secret(
            installation, staff, made.subscription.id, version=1, previous_hours=previous_hours, now=NOW
        )
    assert new.subscription.secret_version == 2
    assert new.secret != made.secret
    assert await list_subscriptions(installation, programme.id) == [new.subscription]


async def test_a_lost_answer_is_no_deletion_that_failed(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    staff = server(programme)
    made = await create_subscription(installation, staff, URL, [], now=NOW)
    with commits_unanswered():
        await delete_subscription(installation, staff, made.subscription.id, now=NOW)
    assert await list_subscriptions(installation, programme.id) == []


async def test_a_secret_signs_as_long_as_was_said_unless_all_are_ended_at_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    staff = server(programme)
    subscription_id = (await create_subscription(installation, staff, URL, [], now=NOW)).subscription.id
    await rotate_secret(installation, staff, subscription_id, version=1, previous_hours=24, now=NOW)
    with pytest.raises(InvalidInput) as refused:
        await rotate_secret(installation, staff, subscription_id, version=2, previous_hours=1, now=NOW)
    assert refused.value.field == "previousValidHours"
    third = await rotate_secret(installation, staff, subscription_id, version=2, previous_hours=0, now=NOW)
    assert third.subscription.previous_secret_until is None
    await rotate_secret(installation, staff, subscription_id, version=3, previous_hours=24, now=NOW)
    later = NOW + DAY
    fifth = await rotate_secret(installation, staff, subscription_id, version=4, previous_hours=24, now=later)
    assert fifth.subscription.previous_secret_until == later + DAY
