"""Webhooks that the programme sends."""

from pointbook.domain.errors.base import PointbookError


class WebhookSubscriptionNotFound(PointbookError):
    code = "WEBHOOK_SUBSCRIPTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such webhook subscription.")


class WebhookSendingNotFound(PointbookError):
    """Unknown, or sent so long ago that it is no longer kept."""

    code = "WEBHOOK_SENDING_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class WebhookDisabled(PointbookError):
    code = "WEBHOOK_DISABLED"

    def __init__(self) -> None:
        super().__init__("This webhook subscription is disabled: activate it first.")
