"""Notices by mail."""

from pointbook.domain.errors.base import PointbookError


class MailNotConfigured(PointbookError):
    code = "MAIL_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__("This installation has no mail server, so no mail is sent.")


class TooManyTestNotices(PointbookError):
    """``limit`` of a programme in an hour."""

    code = "TOO_MANY_TEST_NOTICES"

    def __init__(self, limit: int) -> None:
        super().__init__(f"There were {limit} test mails within an hour: wait a while.")
        self.limit = limit
