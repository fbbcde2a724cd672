"""Points given or taken by hand."""

from pointbook.domain.errors.base import PointbookError


class AdjustmentNotFound(PointbookError):
    code = "ADJUSTMENT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such adjustment.")


class AdjustmentAboveLimit(PointbookError):
    """``maximum_points``: the most that the programme lets be given or taken without a further right."""

    code = "ADJUSTMENT_ABOVE_LIMIT"

    def __init__(self, maximum_points: int) -> None:
        super().__init__(f"At most {maximum_points} points may be given or taken at a time.")
        self.maximum_points = maximum_points


class AdjustmentUndone(PointbookError):
    """``undone_by``: the public id of the adjustment that undid it."""

    code = "ADJUSTMENT_UNDONE"

    def __init__(self, undone_by: str) -> None:
        super().__init__(f"This adjustment is undone already, by {undone_by}.")
        self.undone_by = undone_by
