import pytest

from tests.catalog.fuzz import FORMATS, faults


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mutated_feed_is_read_or_is_one_sentence(kind, tmp_path):
    files = 60 if kind in ("xlsx", "parquet") else 200
    assert list(faults(kind, files, 0, tmp_path)) == []
