import gzip

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from catalog import CatalogError, formats
from catalog.formats import parquet as parquet_rows
from catalog.formats.opening import open_feed
from catalog.formats.parquet_pages import pages
from tests.catalog.formats.rows import rows_of

BYTES = np.random.default_rng(1).bytes


def written(path, table, **options):
    parquet.write_table(
        table if isinstance(table, pyarrow.Table) else pyarrow.table(table), path, **options
    )
    return path


def test_pictures_within_a_file_are_read(tmp_path):
    records = [
        {"id": 1, "title": "a", "image": {"bytes": b"one", "path": "1.jpg"}, "raw": b"x"},
        {"id": 2, "title": "b", "image": {"bytes": b"two", "path": None}, "raw": None},
    ]
    path = written(tmp_path / "shop.parquet", pyarrow.Table.from_pylist(records))
    assert rows_of(path) == records
    feed = open_feed(path)
    assert (feed.columns, feed.tabular) == (("id", "title", "image", "raw"), True)
    assert feed.facts == {"format": "Parquet"}
    assert rows_of(tmp_path / "shop.csv", gzip.compress(path.read_bytes())) == records


def test_memory_is_bounded_by_bytes_and_not_by_rows(tmp_path):
    pictures = [BYTES(500_000) for _ in range(60)]
    table = pyarrow.table({"id": range(60), "image": pictures})
    path = written(tmp_path / "shop.parquet", table, row_group_size=6)
    before = pyarrow.total_allocated_bytes()
    del table
    peak = 0
    for _, record in open_feed(path).rows:
        assert len(record["image"]) == 500_000
        peak = max(peak, pyarrow.total_allocated_bytes())
    assert peak - before < 15_000_000  # the file has 30 MB


def test_a_large_value_that_every_row_shares_is_not_multiplied(tmp_path):
    indices = pyarrow.array(np.zeros(400, np.int32))
    title = pyarrow.DictionaryArray.from_arrays(indices, [BYTES(1_000_000).hex()])
    table = {"id": range(400), "title": title}
    path = written(tmp_path / "shop.parquet", table)
    before, peak = pyarrow.total_allocated_bytes(), 0
    for _, _ in open_feed(path).rows:
        peak = max(peak, pyarrow.total_allocated_bytes())
    assert peak - before < 2 * parquet_rows.BATCH


def test_a_page_that_decompresses_to_many_times_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "MIN_BOMB", 2**20)
    table = {"id": range(100), "title": ["x" * 100_000] * 100}
    path = written(tmp_path / "shop.parquet", table, use_dictionary=False, compression="zstd")
    with pytest.raises(CatalogError, match=r"page of its column 'title' takes 10,\d+,\d+ bytes"):
        rows_of(path)


def test_a_page_header_that_lies_about_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "MAX_PAGES", 2**19)
    titles = [BYTES(500).hex() for _ in range(100)]
    path = tmp_path / "shop.parquet"
    written(path, {"title": titles}, use_dictionary=False, compression="zstd")
    assert len(rows_of(path)) == 100
    chunk = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    with path.open("rb") as data:
        start = chunk.data_page_offset
        (page,) = pages(data, start, start + chunk.total_compressed_size)
    assert page.values == 100
    assert 100_000 < page.size < chunk.total_uncompressed_size

    def varint(size: int) -> bytes:  # zigzag, three bytes for these sizes
        size *= 2
        return bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])

    content = path.read_bytes()
    lying = content[:start] + content[start:].replace(varint(page.size), varint(1_000_000), 1)
    with pytest.raises(CatalogError, match="page of its column 'title' takes 1,000,000 bytes"):
        rows_of(path, lying)


def test_lists_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "MAX_NESTED", 10_000)
    path = written(tmp_path / "shop.parquet", {"id": [1], "x": [[None] * 20_000]})
    with pytest.raises(CatalogError, match=r"column 'x.*' has 20,000 values in the lists"):
        rows_of(path)


def test_an_unreadable_or_large_cell_costs_its_row(tmp_path):
    lengths = np.array([0, 1, 3, 4, 5], "i4")
    titles = pyarrow.Array.from_buffers(
        pyarrow.string(), 4, [None, pyarrow.py_buffer(lengths), pyarrow.py_buffer(b"a\xff\xfebc")]
    )
    many = pyarrow.array([[], [], [None] * 30_000, []], pyarrow.list_(pyarrow.int32()))
    rows = rows_of(written(tmp_path / "shop.parquet", {"title": titles, "x": many}))
    assert rows[1:3] == ["unreadable row", "too many values"]
    assert [row["title"] for row in (rows[0], rows[3])] == ["a", "c"]


def test_a_row_of_too_many_bytes_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 100)
    table = {"id": [1, 2, 3], "title": ["a", "x" * 2_000_000, "b"]}
    rows = rows_of(written(tmp_path / "shop.parquet", table))
    assert [row if isinstance(row, str) else row["title"] for row in rows] == [
        "a",
        "row too long",
        "b",
    ]


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([2**62, 1], pyarrow.timestamp("us")),
        pyarrow.array([1, 2], pyarrow.timestamp("us", "Mars/Olympus")),
        pyarrow.array([2**31 - 1, 0], pyarrow.date32()),
        pyarrow.array([1, 2**62], pyarrow.duration("ns")),
        pyarrow.array([[("a", 1), ("a", 2)], None], pyarrow.map_("string", "int32")),
        pyarrow.array(["x", "y"]).dictionary_encode(),
        pyarrow.nulls(2),
    ],
    ids=lambda column: str(column.type)[:20],
)  # fmt: skip
def test_a_column_of_any_type_is_read_or_its_rows_are_dropped(tmp_path, column):
    rows = rows_of(written(tmp_path / "shop.parquet", {"id": [1, 2], "x": column}))
    assert len(rows) == 2
    assert all(row == "unreadable row" or row["id"] in (1, 2) for row in rows)


def test_a_damaged_file_is_an_error_that_names_the_row(tmp_path):
    table = {"id": range(1000), "title": [BYTES(50).hex() for _ in range(1000)]}
    path = written(tmp_path / "shop.parquet", table, row_group_size=500, use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = parquet.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    content[middle + 2 : middle + 60] = b"\xff" * 58
    path.write_bytes(content)
    rows = []
    with pytest.raises(CatalogError, match=r"damaged in its column 'title'|after row 500"):
        rows.extend(open_feed(path).rows)
    assert len(rows) == 500
    with pytest.raises(CatalogError, match="cannot be read as Parquet after row 0"):
        rows_of(path, b"PAR1 this is none")
