import pytest

from catalog import values


@pytest.mark.parametrize(
    "written", ["[New] phone", "[1,", "{x}", "[" * 100_000 + "]", "[__import__('os')]"]
)
def test_text_that_only_looks_like_a_list_stays_text(written):
    assert values.parse_literal(written) == written
