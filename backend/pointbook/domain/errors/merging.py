"""Merging two accounts, and asking for it."""

from pointbook.domain.errors.base import PointbookError


class MembersNotMergeable(PointbookError):
    """``reason``: a ``MergeObstacle``."""

    code = "MEMBERS_NOT_MERGEABLE"

    def __init__(self, reason: str) -> None:
        super().__init__(f"These two members cannot be merged ({reason}).")
        self.reason = reason


class MergeRequestNotFound(PointbookError):
    code = "MERGE_REQUEST_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such merge request.")


class MergeRequestNotOpen(PointbookError):
    """``request_state`` is where it is; what was asked for needs another."""

    code = "MERGE_REQUEST_NOT_OPEN"

    def __init__(self, state: str) -> None:
        super().__init__(f"This merge request is {state}.")
        self.request_state = state


class TooManyMergeRequests(PointbookError):
    """``limit``: OPEN_OF_MEMBER, or ADDRESS_OF_DAY, which says nothing of whether anybody has the address."""

    code = "TOO_MANY_MERGE_REQUESTS"

    def __init__(self, maximum: int, limit: str) -> None:
        super().__init__(f"At most {maximum} merge requests are taken ({limit}).")
        self.maximum = maximum
        self.limit = limit
