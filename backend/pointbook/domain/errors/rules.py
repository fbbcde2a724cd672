"""Earning rules, and simulations of them."""

from pointbook.domain.errors.base import PointbookError


class RuleNotFound(PointbookError):
    code = "RULE_NOT_FOUND"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no earning rule {key!r}.")
        self.key = key


class SimulationNotFound(PointbookError):
    code = "SIMULATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such simulation.")


class TooManySimulations(PointbookError):
    """So many simulations of the programme wait or run already."""

    code = "TOO_MANY_SIMULATIONS"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"At most {maximum} simulations may be under way: wait for one, or cancel one.")
        self.maximum = maximum
