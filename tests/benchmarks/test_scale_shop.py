"""The generated shop of `python -m benchmarks scale`."""

from benchmarks.scale_shop import queries, rows


def test_products_are_the_same_in_every_run_and_one_in_a_hundred_changes():
    first = list(rows(250, pictures=True))
    assert list(rows(250, pictures=True)) == first
    changed = list(rows(250, pictures=True, changed=True))
    other = [row["id"] for row, now in zip(first, changed, strict=True) if row != now]
    assert other == ["B000000000", "B000000100", "B000000200"]
    assert len({row["id"] for row in first}) == len({row["image"] for row in first}) == 250
    assert queries(5) == queries(5)
