import codecs

import pytest

from catalog.formats import encoding
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of

GERMAN = ("Kaffeemühle", "Löffel 4,50 €", "Topf – groß")
FRENCH = ("Théière émaillée", "Crème à l’érable", "Bol")
RUSSIAN = ("Кофемолка ручная", "Красная чашка", "Стол обеденный")
POLISH = ("Młynek do kawy żółty", "Łyżka stołowa, świeca", "Książka")
CZECH = ("Dřevěná židle", "Stolní lampička", "Nůž")
HUNGARIAN = ("Tűzpiros szék", "Őrlő kávéhoz", "Üvegváza")
ROMANIAN = ("Lampă de birou", "Cuţit şi farfurie", "Saltea")
HEBREW = ("מנורת שולחן", "כיסא עץ", "סכין מטבח")
JAPANESE = ("コーヒーミル", "赤いマグカップ 大", "木製テーブル")


@pytest.mark.parametrize(
    ("titles", "codec", "stated"),
    [
        (GERMAN, "utf-8", None),
        (GERMAN, "utf-8-sig", None),
        (GERMAN, "cp1252", "cp1252"),
        (FRENCH, "cp1252", "cp1252"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8_r", "koi8_r"),
        (POLISH, "cp1250", "cp1250"),
        (CZECH, "cp1250", "cp1250"),
        (HUNGARIAN, "cp1250", "cp1250"),
        (ROMANIAN, "cp1250", "cp1250"),
        (HEBREW, "cp1255", "cp1255"),
        (
            ("Nóż kuchenny", "Sól, łyżka", "Krzesło, stół, półka", "Łóżko dębowe, kołdra"),
            "cp1250",
            "cp1250",
        ),
        (("Møbel på tæppe", "Lænestol, grøn", "Skål"), "cp1252", "cp1252"),
        (("Tapis à fleurs", "Sac où ranger", "Forêt d’été"), "cp1252", "cp1252"),
        (("São João", "Botões de latão", "Pão"), "cp1252", "cp1252"),
        (JAPANESE, "shift_jis", "cp932"),
        (GERMAN, "utf-16", "utf-16-le"),
        (RUSSIAN, "utf-16-le", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-16-be"),
        (JAPANESE, "utf-32", "utf-32-le"),
        (("Löffel", "Mug", "Pan"), "latin-1", "cp1252"),
    ],
)
@pytest.mark.parametrize("ascii_rows", [0, 20_000])
def test_a_table_in_any_encoding_is_read_and_the_encoding_stated(
    tmp_path, titles, codec, stated, ascii_rows
):
    """Also where the first letters that are not ASCII come after megabytes."""
    table = "id;title\n" + "a;plain and rather long\n" * ascii_rows
    table += "".join(f"{number};{title}\n" for number, title in enumerate(titles))
    rows = rows_of(tmp_path / "shop.csv", table.encode(codec))
    assert [row["title"] for row in rows[ascii_rows:]] == list(titles)
    assert open_feed(tmp_path / "shop.csv").facts.get("encoding") == stated


@pytest.mark.parametrize(
    ("header", "title", "codec"),
    [
        ("Κωδικός;Ονομασία", "Τσάντα", "cp1253"),
        ("id;title", "Μάλλινο κασκόλ", "cp1253"),
        ("Stok Kodu;Ürün Adı", "Cam", "cp1254"),
        ("id;title", "Yün atkı kırmızı", "cp1254"),
        ("Код;Название", "Часы", "cp1251"),
        ("id;title", "Шарф шерстяной", "koi8_r"),
        ("编号;名称", "木椅", "gb18030"),
        ("id;title", "跑步鞋男士", "gb18030"),
        ("編號;名稱", "木椅", "big5"),
        ("id;title", "羊毛圍巾紅色", "big5"),
        ("상품코드;상품명", "의자", "cp949"),
        ("id;title", "남성 러닝화", "cp949"),
        ("id;title", "Ąžuolinė kėdė, žalia", "cp1257"),
        ("id;title", "Szalik wełniany", "cp1250"),
        ("id;title", "Leðurtaska fyrir börn", "cp1252"),
        ("Nr;Mærke", "Bord", "cp1252"),
    ],
)
def test_one_row_is_read_in_the_encoding_that_its_letters_or_its_header_have(
    tmp_path, header, title, codec
):
    rows = rows_of(tmp_path / "shop.csv", f"{header}\n1;{title}\n".encode(codec))
    assert rows == [dict(zip(header.split(";"), ("1", title), strict=True))]
    assert open_feed(tmp_path / "shop.csv").facts["encoding"] == codec


def test_a_few_damaged_bytes_cost_their_rows_and_leave_the_file_utf_8(tmp_path):
    rows = [f"{number};Löffel {number}\n".encode() for number in range(50)]
    rows[0] = b"0;L\xf6ffel\n"
    rows[30] = b"30;\xff\xfe\n"
    read = rows_of(tmp_path / "shop.csv", b"id;title\n" + b"x;y\n" * 30_000 + b"".join(rows))
    assert read[30_000::30] == ["unreadable row", "unreadable row"]
    assert read[-1] == {"id": "49", "title": "Löffel 49"}
    assert "encoding" not in open_feed(tmp_path / "shop.csv").facts


def test_json_in_another_encoding_is_read(tmp_path):
    for codec in ("cp1252", "utf-16"):
        lines = '{"id": 1, "title": "Löffel"}\n{"id": 2, "title": "Kaffeemühle"}\n'.encode(codec)
        rows = rows_of(tmp_path / "shop.jsonl", lines)
        assert [row["title"] for row in rows] == ["Löffel", "Kaffeemühle"]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_mark_of_wide_characters_before_single_bytes_costs_its_own_line(tmp_path, mark):
    lines = b'{"id": "1", "title": "Lamp"}\n{"id": "2", "title": "Mug"}\n'
    rows = rows_of(tmp_path / "shop.jsonl", mark + lines)
    assert rows[-1] == {"id": "2", "title": "Mug"}


def test_the_sample_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "SAMPLE", 1000)
    path = tmp_path / "shop.csv"
    path.write_bytes("Löffel;Kaffeemühle\n".encode("cp1252") * 100_000)
    with path.open("rb") as data:
        assert encoding.find_encoding(data) == "cp1252"
        assert data.tell() < 200_000
