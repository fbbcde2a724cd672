"""What no file of the repository may contain."""

import re

from tests.house.files import ROOT, committed, read

# Put together here, so that this file does not contain them either.
_UNFINISHED = re.compile("|".join((r"\b" + "TO" + r"DO\b", r"\bFIX" + r"ME\b")))
_NOT_RUN = re.compile(r"mark\.(sk" + r"ip|xf" + r"ail)|pytest\.(sk" + r"ip|xf" + r"ail)\(|importor" + "skip")
_ONE_MACHINE = re.compile(r"/ho" + r"me/[a-z]|/ro" + r"ot/|/wo" + r"rk/|C:\\\\Us" + "ers")
_SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIV" + r"ATE KEY-----\n[A-Za-z0-9+/=]{40}|\b[ps]k_[A-Za-z0-9_-]{43}\b")


def _containing(pattern: re.Pattern[str]) -> list[str]:
    files = [path for path in committed() if "static" not in path.parts]  # other people's code, shipped as it is
    return [str(path.relative_to(ROOT)) for path in files if pattern.search(read(path) or "")]


def test_nothing_is_left_unfinished() -> None:
    assert _containing(_UNFINISHED) == []


def test_no_test_is_left_out() -> None:
    assert _containing(_NOT_RUN) == []


def test_nothing_depends_on_one_machine() -> None:
    assert _containing(_ONE_MACHINE) == []


def test_no_secret_is_committed() -> None:
    assert _containing(_SECRET) == []
