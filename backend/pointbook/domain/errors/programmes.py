"""Programmes: whether they are open, their stores, currency and clock."""

from pointbook.domain.errors.base import PointbookError


class ProgrammeNotOpen(PointbookError):
    """The programme is in DRAFT or CLOSED: nobody joins, earns or redeems."""

    code = "PROGRAMME_NOT_OPEN"

    def __init__(self, state: str) -> None:
        super().__init__(f"The programme is not open (it is {state}).")
        self.state = state


class UnknownStore(PointbookError):
    code = "UNKNOWN_STORE"

    def __init__(self, store: str) -> None:
        super().__init__(f"The programme has no store {store!r}.")
        self.store = store


class CurrencyMismatch(PointbookError):
    code = "CURRENCY_MISMATCH"

    def __init__(self, expected: str, given: str) -> None:
        super().__init__(f"The programme counts in {expected}, not in {given!r}.")
        self.expected = expected
        self.given = given


class NotASandbox(PointbookError):
    """Only a sandbox has a clock of its own."""

    code = "NOT_A_SANDBOX"

    def __init__(self) -> None:
        super().__init__("This programme is no sandbox: its clock is the real one.")
