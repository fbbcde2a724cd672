"""Who is a member, what the account may do, and leaving."""

from pointbook.domain.errors.base import PointbookError


class NotAMember(PointbookError):
    code = "NOT_A_MEMBER"

    def __init__(self) -> None:
        super().__init__("This customer has not joined the programme.")


class MemberInactive(PointbookError):
    code = "MEMBER_INACTIVE"

    def __init__(self) -> None:
        super().__init__("This member is inactive and neither earns nor spends points.")


class RedemptionLocked(PointbookError):
    code = "REDEMPTION_LOCKED"

    def __init__(self) -> None:
        super().__init__("This member may earn points but not spend them.")


class ExternalIdTaken(PointbookError):
    """Another member is called so by the shop."""

    code = "EXTERNAL_ID_TAKEN"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"{external_id!r} is an id of another member.")
        self.external_id = external_id


class LossChanged(PointbookError):
    """Leaving would take other points than were shown, or end another debt."""

    code = "LOSS_CHANGED"

    def __init__(self, points: int, debt: int) -> None:
        owed = f", and {debt} are owed" if debt else ""
        super().__init__(f"By now {points} points would be lost{owed}: show that and ask again.")
        self.points = points
        self.debt = debt


class TokenTooOld(PointbookError):
    """For what cannot be undone a customer signs in again; so many seconds old a token may be."""

    code = "TOKEN_TOO_OLD"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"For this the customer must have signed in within the last {seconds} seconds.")
        self.seconds = seconds
