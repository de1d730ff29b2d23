import json
import math
import random

import pytest

from catalog import CatalogError, formats
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of

RECORDS = [
    {"id": 1, "title": 'a "b" {c}', "images": [{"src": "x"}, {"src": "y"}]},
    {"id": 2, "title": "\\", "details": {"a": [[], {}]}},
    {"id": 3, "title": "é"},
]
ONE_BY_ONE = [json.dumps(record) for record in RECORDS]
INDENTED = [json.dumps(record, indent=1) for record in RECORDS]


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("\n".join(ONE_BY_ONE), "JSON Lines", None),
        ("\ufeff\n\n" + "\n\n".join(ONE_BY_ONE) + "\n", "JSON Lines", None),
        (json.dumps(RECORDS), "JSON array", None),
        (json.dumps(RECORDS, indent=2), "JSON array", None),
        ("[\n" + ",\n".join(ONE_BY_ONE) + "]\n\n", "JSON array", None),
        ("[" + "\n,".join(ONE_BY_ONE) + "\n]", "JSON array", None),
        ("\n".join(INDENTED), "JSON objects", None),
        ("".join(ONE_BY_ONE), "JSON objects", None),
        (json.dumps({"products": RECORDS}), "JSON document", "products"),
        (json.dumps({"ok": 1, "data": {"rows": RECORDS}}, indent=1), "JSON document", "data.rows"),
        (json.dumps({"name": "My shop", "shelf": {}, "items": RECORDS}), "JSON document", "items"),
        (json.dumps({"currencies": [{"a": 1}], "wares": RECORDS}), "JSON document", "wares"),
        (json.dumps({"products": RECORDS, "more": RECORDS[:2]}), "JSON document", "products"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson", "txt"])
def test_records_are_read_in_every_layout(tmp_path, text, kind, path, suffix):
    assert rows_of(tmp_path / f"shop.{suffix}", text) == RECORDS
    feed = open_feed(tmp_path / f"shop.{suffix}")
    assert (feed.facts["format"], feed.facts.get("list")) == (kind, path)
    assert (feed.tabular, feed.columns) == (False, ())


def test_categories_before_the_records_give_their_names_to_their_ids(tmp_path):
    document = {
        "categories": [{"id": 1, "name": "Home"}, {"id": 4, "title": "Rugs", "parent": 1}],
        "products": [{"sku": "a", "category_id": 4}, {"sku": "b", "category_id": 5}],
    }
    assert [each["category_id"] for each in rows_of(tmp_path / "a.json", json.dumps(document))] == [
        [["Home", "Rugs"]], 5
    ]  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        {"title": "one", "images": [{"src": "x"}, {"src": "y"}]},
        {"sku": "1", "items": [{"size": "M"}]},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_product_that_has_lists_is_no_document(tmp_path, record, indent):
    assert rows_of(tmp_path / "one.json", json.dumps(record, indent=indent)) == [record]


def test_a_missing_number_of_python_is_read(tmp_path):
    (row,) = rows_of(tmp_path / "shop.json", json.dumps([{"id": 1, "price": math.nan}]))
    assert math.isnan(row["price"])


def test_a_record_that_is_none_costs_itself(tmp_path):
    elements = ['{"id": 1}', '"a text"', "17", "null", "[1, [2]]", '{"id": 01}', '{"id": 2}']
    expected = [{"id": 1}, *["not an object"] * 4, "unreadable row", {"id": 2}]
    assert rows_of(tmp_path / "shop.json", "[" + ",\n".join(elements) + "]") == expected
    assert rows_of(tmp_path / "shop.jsonl", "\n".join(elements)) == expected


def test_damaged_bytes_cost_their_record(tmp_path):
    text = json.dumps([{"id": n, "title": f"Löffel {n}"} for n in range(9)], ensure_ascii=False)
    rows = rows_of(tmp_path / "shop.json", text.encode().replace(b"el 4", b"\xff"))
    assert [row if isinstance(row, str) else row["id"] for row in rows] == [
        0, 1, 2, 3, "unreadable row", 5, 6, 7, 8
    ]  # fmt: skip


def test_the_first_line_of_json_lines_may_be_damaged(tmp_path):
    for first in ('{"id": 1, "title": "cut', '{"id": 1}", "x": "y"}'):
        text = first + '\n{"id": 2}\n{"id": 3}\n'
        assert rows_of(tmp_path / "shop.jsonl", text) == ["unreadable row", {"id": 2}, {"id": 3}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"id": 1}, {"id": 2', "after row 1: it ends within a record"),
        ('[{"id": 1}, {"id": "2', "after row 1: it ends within a record"),
        ('[{"id": 1}', "after row 1: it ends before its list does"),
        ('[{"id": 1}, {"id": [2}, {"id": 3}]', "after row 1: a } closes a bracket of the other"),
        ('[{"id": 1}}, {"id": 3}]', "after row 1: a } closes nothing"),
        ('{"items": [{"id": 1}], ', "after row 1: it ends before its list does"),
        (
            '{"id": 1}{"id": "2" "id"}\n"x": 3',
            "after row 2: there is something between its records",
        ),
        ("[" * 50_000, "after row 0: it ends within a record"),
    ],
)
def test_a_damaged_document_is_an_error_after_its_readable_rows(tmp_path, text, sentence):
    path = tmp_path / "shop.json"
    path.write_text(text)
    rows = []
    with pytest.raises(CatalogError, match=sentence):
        rows.extend(record for _, record in open_feed(path).rows)
    assert rows[:1] == [{"id": 1}][: "row 0" not in sentence]


@pytest.mark.parametrize(
    ("start", "separator", "end"), [("[", ", ", "]"), ('{"items": [', ",\n", "]}"), ("", "\n", "")]
)
def test_a_record_above_a_limit_is_dropped_and_the_next_one_read(
    tmp_path, monkeypatch, start, separator, end
):
    monkeypatch.setattr(formats, "MAX_ROW", 50_000)
    monkeypatch.setattr(formats, "MAX_VALUES", 1000)
    elements = [
        {"id": 1},
        {"id": 2, "title": "x" * 400_000},
        {"id": 3, "x": ["y" * 900] * 500},
        {"id": 4, "x": [[]] * 2000, "y": ["]"] * 9},
        {"id": 5, "x": [0] * 2000},
        {"id": 6},
    ]
    text = start + separator.join(map(json.dumps, elements)) + end
    rows = rows_of(tmp_path / "shop.json", text)
    assert rows == [{"id": 1}, "row too long", "row too long", *["too many values"] * 2, {"id": 6}]


def test_values_are_cut_out_wherever_the_text_is_divided(tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.formats.json_values.CHUNK", 7)
    rng = random.Random(5)

    def value(depth: int) -> object:
        if depth and rng.random() < 0.6:
            inner = [value(depth - 1) for _ in range(rng.randrange(4))]
            return inner if rng.random() < 0.5 else {f"k{n}": each for n, each in enumerate(inner)}
        return rng.choice(["", 'a"', "\\", "{[", "]}", "é\n", 1.5, None, True, -3, "x" * 20])

    records = [{"id": number, "value": value(5)} for number in range(300)]
    for ensure_ascii in (True, False):
        text = json.dumps(records, ensure_ascii=ensure_ascii)
        assert rows_of(tmp_path / "shop.json", text) == records
