import csv
import io
import random

import pytest

from catalog import CatalogError, formats
from catalog.formats import records
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of

UNREADABLE = "unreadable row"
TOO_MANY = "too many cells"


def titles(path, content=None):
    return [row if isinstance(row, str) else row.get("title") for row in rows_of(path, content)]


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("shop.csv", "id,title,price\n1,Lamp,9\n", None),
        ("shop.csv", "id;title;price\n1;Lamp, tall;5,99\n", ";"),
        ("shop.csv", "id;title;price (EUR, incl. VAT, excl. delivery)\n1;Lamp;5,99\n", ";"),
        ("shop.csv", '"id";"title";"price, EUR";"maker, land"\n"1";"Lamp";"5,99";"x"\n', ";"),
        ("shop.csv", "id\ttitle\tnote\n1\tLamp\ta, b; c, d\n2\tRug\te, f; g, h\n", "tab"),
        ("shop.txt", "id|title|note\n1|Lamp|a, b\n2|Rug|c, d\n", "|"),
        ("shop.tsv", "id\ttitle\n1\tLamp\n", None),
        ("shop.tsv", "id,title\n1,Lamp\n", ","),
        ("shop.csv", "sep=;\r\nid;title;a,b,c,d\r\n1;Lamp;5\r\n", ";"),
        ("shop.csv", '"sep=\t"\r\nid\ttitle\r\n1\tLamp\r\n', "tab"),
        ("shop.csv", "\n;;;\n\nid;title;price\n1;Lamp, tall;9,99\n", ";"),
        ("shop.csv", "id,title\r1,Lamp\r2,Rug\r", None),
        ("shop.csv", "id;title;text\n1;Lamp;a,b\n2;Rug\n3;Mat;c,d,e\n", ";"),
    ],
)  # fmt: skip
def test_the_delimiter_is_the_one_in_which_records_fit_the_header(
    tmp_path, name, content, delimiter
):
    path = tmp_path / name
    rows = rows_of(path, content)
    assert rows[0]["id"] == "1"
    assert rows[0]["title"].startswith("Lamp")
    feed = open_feed(path)
    assert feed.columns[:2] == ("id", "title")
    assert (feed.tabular, feed.facts["format"]) == (True, "CSV")
    assert feed.facts.get("delimiter") == delimiter


@pytest.mark.parametrize(
    ("above", "count"),
    [
        ("Product export of 3 March\n\n", 2),
        ("All products;;\n", 1),
        ("#INFO;Version=1.0;;\n#INFO;;\n", 2),
        ("TemplateType=custom;Version=2022;\nProduct ID;Item Name;Price\n", 2),
        ("\n;;\n", None),  # blank lines are none
    ],
)
def test_lines_above_the_header_are_passed_and_counted(tmp_path, above, count):
    table = f"{above}id;title;price\n1;Lamp, tall;9,50\n2;Rug;\n"
    assert titles(tmp_path / "shop.csv", table) == ["Lamp, tall", "Rug"]
    assert open_feed(tmp_path / "shop.csv").facts.get("lines above header") == count


def test_a_table_of_one_column_keeps_its_rows(tmp_path):
    assert titles(tmp_path / "shop.csv", "title\nLamp\nRug\n") == ["Lamp", "Rug"]


def test_a_quote_that_encloses_nothing_is_a_character(tmp_path):
    table = 'id\ttitle\tbrand\n1\t"Old Mill" flour\tQuern\n2\tJam\tPips\n3\tPan 10"\tPips\n'
    assert titles(tmp_path / "shop.csv", table) == ['"Old Mill" flour', "Jam", 'Pan 10"']
    assert open_feed(tmp_path / "shop.csv").facts["quoting"] == "none"


def test_two_quotes_in_rows_apart_swallow_no_row(tmp_path):
    rows = [
        '1\t"Stay Calm Mug\t12',
        *(f"{n}\tMug {n}\t9" for n in range(2, 12)),
        '12\tFrame 10"\t9',
    ]
    table = "id\ttitle\tprice\n" + "\n".join(rows) + "\n"
    read = titles(tmp_path / "shop.tsv", table)
    assert read == ['"Stay Calm Mug', *(f"Mug {n}" for n in range(2, 12)), 'Frame 10"']


def test_two_quotes_far_down_a_quoted_file_cost_one_row(tmp_path):
    table = ["id,title,price", *(f'{n},"Mug, no. {n}",9' for n in range(1500))]
    table[1001:1004] = ['1000,"Stay Calm,9', "1001,Mug,9", '1002,Frame 10",9']
    read = titles(tmp_path / "shop.csv", "\n".join(table))
    assert len(read) == 1500
    assert read[998:1004] == [
        "Mug, no. 998", "Mug, no. 999", UNREADABLE, "Mug", 'Frame 10"', "Mug, no. 1003"
    ]  # fmt: skip


def test_cells_of_several_lines_are_read(tmp_path):
    table = (
        'id,title,note\n1,"Lamp, tall","first line\nsecond, line\n\nlast ""line"""\n'
        '2,"Rug\n(red)",\n3,Mat,plain\n'
    )
    first, second, third = rows_of(tmp_path / "shop.csv", table)
    assert first["note"] == 'first line\nsecond, line\n\nlast "line"'
    assert (second["title"], third["title"]) == ("Rug\n(red)", "Mat")


def test_a_quote_that_is_never_closed_costs_its_line(tmp_path):
    lines = ["id,title", '0,"a, b"', '1,"open', *(f"{n},t" for n in range(2, 2000))]
    read = titles(tmp_path / "shop.csv", "\n".join(lines))
    assert read == ["a, b", UNREADABLE, *["t"] * 1998]


def test_a_record_of_too_many_lines_is_given_up_and_its_lines_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_LINES", 3)
    lines = ["id,title", '1,"a', 'b"', '2,"a', "b", "c", 'd"', "3,t"]
    assert titles(tmp_path / "shop.csv", "\n".join(lines)) == [
        "a\nb", UNREADABLE, None, None, None, "t"
    ]  # fmt: skip


def test_a_broken_record_costs_only_itself(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_bytes(
        b"\xef\xbb\xbfid,title,price\n"
        b"1,one,5\n"
        b'2,"a quote that is never closed,5\n'
        b"3,three,5\n"
        b"4,caf\xe9,5\n"
        b"5,five,5,6\n"
        b'6,"six\nlines, and a ""quote""",5\n'
        b"7\n"
        b"\n"
        b'8,"a quote "out of place" here",5\n'
        b"9,nine,5\n"
        b"10,ten,5,,,\n"
        b",,\n"
    )
    assert titles(path) == [
        "one", UNREADABLE, "three", UNREADABLE, TOO_MANY, 'six\nlines, and a "quote"', None,
        UNREADABLE, "nine", "ten",
    ]  # fmt: skip


def test_of_columns_that_share_a_name_the_first_that_holds_something_counts(tmp_path):
    rows = rows_of(
        tmp_path / "shop.csv", "id,title,image,image,\n1,a,x.jpg,,9\n2,b,,y.jpg,9\n3,c\n"
    )
    assert [row.get("image") for row in rows] == ["x.jpg", "y.jpg", None]
    assert open_feed(tmp_path / "shop.csv").columns == ("id", "title", "image")


def test_a_carriage_return_within_a_cell_ends_no_row(tmp_path):
    table = "id\ttitle\tprice\r\n1\tLamp\rtall\t9\r\n2\tRug\t5\r\n"
    assert titles(tmp_path / "shop.tsv", table) == ["Lamp\rtall", "Rug"]


def test_a_row_above_a_limit_is_dropped_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 100)
    monkeypatch.setattr(formats, "MAX_VALUES", 50)
    table = "id,title\n1," + "x" * 1000 + "\n2,b\n3" + "," * 70 + "\n4,d\n"
    assert titles(tmp_path / "shop.csv", table) == ["row too long", "b", "too many values", "d"]


def test_a_header_that_is_too_long_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 100)
    monkeypatch.setattr(formats, "MAX_VALUES", 50)
    with pytest.raises(CatalogError, match="no header of a table: row too long"):
        rows_of(tmp_path / "shop.csv", "id,title," + "x" * 1000)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_what_a_program_writes_is_read_as_it_was(tmp_path, delimiter, quoting):
    rng = random.Random(3)
    letters = ["a", "lamp", " ", ",", ";", "|", "\t", '"', "\n", "10", "é", "'", "mug, red"]
    names = ["id", "title", "note", "text"]
    rows = [
        [number, f"t{number}", *("".join(rng.choices(letters, k=rng.randrange(9))) for _ in "ab")]
        for number in range(400)
    ]
    table = io.StringIO()
    writer = csv.writer(table, delimiter=delimiter, quoting=quoting)
    writer.writerow(names)
    writer.writerows(rows)
    expected = [dict(zip(names, map(str, row), strict=True)) for row in rows]
    assert rows_of(tmp_path / "shop.csv", table.getvalue()) == expected
