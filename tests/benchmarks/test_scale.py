"""The table of `python -m benchmarks scale`."""

from pathlib import Path

from benchmarks.measured_job import Job
from benchmarks.scale import _table
from benchmarks.scale_shop import Shop


def test_memory_is_compared_without_that_of_the_open_collection():
    sizes = {100: (50, 10), 1000: (140, 90)}
    scales = [
        (Shop(n, False, 8, Path()), [Job("verify", 1.0, n / 100, own, 0, collection_mb=opened)])
        for n, (own, opened) in sizes.items()
    ]
    table = _table(*scales[1], scales[0])
    cells = {column.header: list(column.cells) for column in table.columns}
    assert cells["× memory"] == ["1.25"]
    assert cells["× CPU a product"] == ["1.00"]
