import io
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from catalog import CatalogError, formats
from catalog.formats import workbook as workbook_rows
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of


def written(path, sheets):
    """A workbook of sheets by name, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def rewritten(path, change):
    """The workbook with its first sheet changed."""
    data = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                content = change(content)
            new.writestr(part.filename, content)
    path.write_bytes(data.getvalue())
    return path


def test_the_first_sheet_with_a_header_is_read(tmp_path):
    rows = [
        ["Our lamps"],
        [],
        ["id", "title", "price", "since", "sold", None, "price"],
        [1, "Lamp", 9.5, datetime(2024, 5, 1), True, "no column"],
        [None, None],
        [2, " ", 0, datetime(2024, 5, 1, 8, 30), False, None, 7],
        ["3", "Rug", "#N/A", date(2024, 5, 2), None, None, 5],
        [4, "Mat", 1, None, None, None, None, None, "beyond"],
    ]
    path = written(tmp_path / "shop.xlsx", {"Notes": [["read me"]], "Goods": rows})
    assert rows_of(path) == [
        {"id": 1, "title": "Lamp", "price": 9.5, "since": "2024-05-01", "sold": True},
        {"id": 2, "title": None, "price": 0, "since": "2024-05-01T08:30:00", "sold": False},
        {"id": "3", "title": "Rug", "price": 5, "since": "2024-05-02", "sold": None},
        "too many cells",
    ]
    feed = open_feed(path)
    assert (feed.columns, feed.tabular) == (("id", "title", "price", "since", "sold"), True)
    assert feed.facts == {"format": "Excel", "sheet": "Goods"}


def test_the_header_of_a_template_is_below_its_labels(tmp_path):
    rows = [
        ["TemplateType=custom", "Version=2022"],
        ["Seller SKU", "Item Name"],
        ["item_sku", "item_name"],
        ["A-1", "Lamp"],
    ]
    path = written(tmp_path / "shop.xlsx", {"Template": rows})
    assert rows_of(path) == [{"item_sku": "A-1", "item_name": "Lamp"}]


def test_hidden_sheets_and_merged_cells_do_no_harm(tmp_path):
    sheets = {"Old": [["id", "title"], [1, "x"]], "New": [["id", "title"], [2, "y"], [3, "z"]]}
    book = openpyxl.load_workbook(written(tmp_path / "shop.xlsx", sheets))
    book["Old"].sheet_state = "hidden"
    book["New"].merge_cells("A2:A3")
    book.save(tmp_path / "shop.xlsx")
    assert rows_of(tmp_path / "shop.xlsx") == [{"id": 2, "title": "y"}, {"id": None, "title": "z"}]


@pytest.mark.parametrize("name", ["shop.csv", "shop.xls", "shop"])
def test_a_workbook_is_known_by_its_content(tmp_path, name):
    path = written(tmp_path / "shop.xlsx", {"Goods": [["id", "title"], [1, "x"]]})
    path.rename(tmp_path / name)
    assert rows_of(tmp_path / name) == [{"id": 1, "title": "x"}]
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.write(tmp_path / name, "out/shop.xlsx")
    assert rows_of(tmp_path / "shop.zip") == [{"id": 1, "title": "x"}]


def test_sizes_that_the_sheet_states_do_not_count(tmp_path):
    path = written(tmp_path / "shop.xlsx", {"Goods": [["id", "title"], [1, "x"], [2, "y"]]})
    rewritten(path, lambda sheet: sheet.replace(b'ref="A1:B3"', b'ref="A1:A1"'))
    assert rows_of(path) == [{"id": 1, "title": "x"}, {"id": 2, "title": "y"}]


def test_a_row_above_a_limit_is_dropped_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 1000)
    rows = [["id", "title"], [1, "x" * 900], [2, "x" * 600, "y" * 600], [3, "z"]]
    read = rows_of(written(tmp_path / "shop.xlsx", {"Goods": rows}))
    assert [row if isinstance(row, str) else row["id"] for row in read] == [1, "row too long", 3]


def test_what_would_take_much_memory_is_refused(tmp_path, monkeypatch):
    rows = [["id", "title"], *([n, "the same text"] for n in range(3000))]
    path = written(tmp_path / "shop.xlsx", {"Goods": rows})
    with monkeypatch.context() as patch:
        patch.setattr(workbook_rows, "MIN_BOMB", 100_000)
        patch.setattr(workbook_rows, "MAX_RATIO", 5)
        with pytest.raises(CatalogError, match=r"its part xl/worksheets/sheet1\.xml takes \d+,"):
            rows_of(path)
    rewritten(path, lambda sheet: sheet.replace(b"</row>", b"").replace(b"<row ", b"<c "))
    monkeypatch.setattr(formats, "MAX_ROW", 50_000)
    with pytest.raises(CatalogError, match="has a row of megabytes"):
        rows_of(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda sheet: sheet[: len(sheet) // 2],
        lambda sheet: b'<!DOCTYPE x [<!ENTITY a "b">]>' + sheet,
        lambda sheet: sheet.replace(b'r="A2"', b'r="!"'),
        lambda sheet: sheet.replace(b"<v>", b"<v>\xff"),
    ],
)
def test_a_damaged_workbook_is_one_sentence(tmp_path, change):
    path = written(tmp_path / "shop.xlsx", {"Goods": [["id", "title"], [1, "x"], [2, "y"]]})
    with pytest.raises(CatalogError, match="cannot be read") as caught:
        rows_of(rewritten(path, change))
    assert "\n" not in str(caught.value)


def test_a_workbook_without_a_header_is_one_sentence(tmp_path):
    path = written(tmp_path / "shop.xlsx", {"Goods": [["one"], ["two"]]})
    with pytest.raises(CatalogError, match="has no sheet with a header"):
        rows_of(path)
