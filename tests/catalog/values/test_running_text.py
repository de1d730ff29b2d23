import math
from decimal import Decimal

import pytest

from catalog import values


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  A\u00a0 wide\tspace \n", "A wide space"),
        ("2½ qt, 10² cm, ﬁ ™", "2½ qt, 10² cm, ﬁ ™"),
        ("cafe\u0301", "café"),
        ("L'Oréal 日本 👩\u200d🔧", "L'Oréal 日本 👩\u200d🔧"),
        ("<b>bold</b> &amp;", "bold &"),
        ("a\x00b\ufeff\ud800c", "abc"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("NaN", ""),
        (" n/a ", ""),
        (None, ""),
        (math.nan, ""),
        (12.0, "12"),
        (12.5, "12.5"),
        (["one", None, "two"], "one two"),
        (Decimal("4.50"), "4.50"),
        (b"bytes", "bytes"),
    ],
)
def test_text_is_normalised_and_missing_values_are_empty(written, clean):
    assert values.text(written) == clean
