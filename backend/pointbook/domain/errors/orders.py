"""Orders that shops report, one by one or a batch in a sending."""

from pointbook.domain.errors.base import PointbookError


class OrderConflict(PointbookError):
    """An order with this external id was reported before with another content and has had its effect."""

    code = "ORDER_CONFLICT"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"Order {external_id!r} was reported before with another content.")
        self.external_id = external_id


class SendingNotFound(PointbookError):
    code = "SENDING_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such sending of orders.")
