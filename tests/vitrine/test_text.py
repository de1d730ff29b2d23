import math

import pytest

from vitrine.text import fold, number_in, printable


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  A\u00a0 wide\tspace \n", "A wide space"),
        ("ｆｕｌｌ ｗｉｄｔｈ ﬁ", "full width fi"),
        ("2½ qt, 10² cm ™", "21⁄2 qt, 102 cm TM"),
        ("cafe\u0301", "café"),
        ("", ""),
    ],
)
def test_folded_text_is_nfkc_with_single_blanks_and_folding_it_again_changes_nothing(text, folded):
    assert fold(text) == folded
    assert fold(folded) == folded


def test_what_moves_a_terminal_or_turns_text_around_is_replaced_visibly():
    assert (
        printable("a\x1b[2Jb\u202ec\n")
        == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c\n"
    )


def test_a_text_is_a_number_or_one_that_no_bound_admits():
    assert number_in(" 1.5 ") == 1.5
    assert number_in("-inf") == -math.inf
    for text in ("", "many", "1,5", "nan"):
        assert math.isnan(number_in(text))
