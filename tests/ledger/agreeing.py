"""Where the functions and the model do not say the same, that is told of both."""


class Disagreement(AssertionError):
    """The functions and the model, or two ways to run the clock, do not say the same."""


def agree(what: str, told: object, found: object) -> None:
    if told != found:
        raise Disagreement(f"{what}\n  model: {told}\n  ledger: {found}")
