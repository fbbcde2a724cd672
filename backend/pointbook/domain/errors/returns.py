"""Returns of what an order sold."""

from pointbook.domain.errors.base import PointbookError


class ReturnConflict(PointbookError):
    """A return with this external id has had its effect with another content."""

    code = "RETURN_CONFLICT"

    def __init__(self, external_id: str) -> None:
        super().__init__(f"Return {external_id!r} was reported before with another content.")
        self.external_id = external_id


class ReturnExceedsOrder(PointbookError):
    """More of a line or fee is to be returned than is left of it; nothing is.

    ``line`` is the shop's id of the line, or the fee's field; ``measure`` is quantity or amount. The figures are
    decimals, amounts before discounts: ordered, returned by the documents before, asked by this one.
    """

    code = "RETURN_EXCEEDS_ORDER"

    def __init__(self, line: str, measure: str, ordered: str, returned: str, asked: str) -> None:
        super().__init__(
            f"{line!r}: its {measure} is {ordered}, of which {returned} was returned before; not {asked} more."
        )
        self.line = line
        self.measure = measure
        self.ordered = ordered
        self.returned = returned
        self.asked = asked
