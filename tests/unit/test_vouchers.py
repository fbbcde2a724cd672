"""Codes of vouchers: derived, readable by people, and silent about what they are not (R22)."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.codes import last_four
from pointbook.domain.errors import VoucherNotUsable
from pointbook.domain.vouchers import VoucherCodes, normalise

CODES = VoucherCodes(b"a secret of at least thirty-two bytes")
HOLD = UUID("00000000-0000-4000-8000-000000000001")


@given(st.uuids())
def test_a_hold_has_one_code_in_crockfords_alphabet(hold_id: UUID) -> None:
    code = CODES.code(hold_id)
    assert code == CODES.code(hold_id)
    assert [len(group) for group in code.split("-")] == [4, 4, 4]
    assert set(code) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")
    assert normalise(code) == code.replace("-", "")


@given(st.uuids(), st.sampled_from(["{}", " {} ", "{}-"]), st.booleans(), st.booleans())
def test_a_code_is_known_however_it_is_typed(hold_id: UUID, frame: str, lower: bool, confused: bool) -> None:  # noqa: FBT001
    code = CODES.code(hold_id)
    typed = frame.format(code.replace("-", " "))
    typed = typed.lower() if lower else typed
    typed = typed.replace("0", "o").replace("1", "L") if confused else typed
    assert CODES.digest(typed) == CODES.digest(code)


def test_codes_and_digests_never_change() -> None:
    assert CODES.code(HOLD) == CODES.code(UUID(HOLD.hex))
    assert VoucherCodes(b"another secret of thirty-two bytes!").code(HOLD) != CODES.code(HOLD)
    # Pinned: a code that a customer has copied must mean the same after every update.
    assert CODES.code(HOLD) == "2SPC-S4EH-9PAN"
    assert CODES.digest("2SPC-S4EH-9PAN").hex().startswith("aac789eaedcf8679")


def test_many_holds_have_as_many_codes() -> None:
    codes = {CODES.code(UUID(int=number)) for number in range(5_000)}
    assert len(codes) == 5_000
    assert all(len({code[place] for code in codes}) == 32 for place in range(14) if place not in (4, 9))


def test_only_the_last_four_are_shown() -> None:
    assert last_four("ABCD-EFGH-JKMN") == "JKMN"


@pytest.mark.parametrize(
    "text", ["", "-", "ABCD-EFGH-JKM", "ABCD-EFGH-JKMNP", "ABCD-EFGH-JKMU", "ABCDEFGHJKM\x00", "ABCD_EFGH_JKMN"]
)
def test_r22_what_cannot_be_a_code_is_answered_as_an_unknown_one(text: str) -> None:
    with pytest.raises(VoucherNotUsable):
        CODES.digest(text)


@pytest.mark.parametrize(
    "text", ["\u017fBCD-EFGH-JKMN", "ABCD-EFGH-JKM\u0130", "\uff11BCDEFGHJKMN", "-" * 10_000, "\ud800" * 12]
)
def test_r22_signs_that_fold_to_letters_are_no_letters(text: str) -> None:
    with pytest.raises(VoucherNotUsable):
        normalise(text)


def test_a_short_secret_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        VoucherCodes(b"short")
