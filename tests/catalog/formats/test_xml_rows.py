import pytest

from catalog import CatalogError, formats
from catalog.formats import xml_rows
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of

MERCHANT = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
 <title>Lamps &amp; more</title><link>https://shop.example</link>
 <item><g:id>1</g:id><title>Lamp</title><g:title>Lamp, tall</g:title>
  <description><![CDATA[<p>Tall & bright</p>]]></description>
  <g:price>12.50 EUR</g:price><g:image_link>https://shop.example/1.jpg</g:image_link>
  <g:additional_image_link>https://shop.example/2.jpg</g:additional_image_link>
  <g:additional_image_link>https://shop.example/3.jpg</g:additional_image_link>
  <g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping></item>
 <item><g:id>2</g:id><title>Rug&nbsp;&eacute;</title><guid isPermaLink="false">r2</guid></item>
</channel></rss>"""


def test_a_merchant_feed_is_read(tmp_path):
    first, second = rows_of(tmp_path / "feed.xml", MERCHANT)
    assert first == {
        "id": "1", "title": "Lamp", "g:title": "Lamp, tall",
        "description": "<p>Tall & bright</p>", "price": "12.50 EUR",
        "image_link": "https://shop.example/1.jpg",
        "additional_image_link": ["https://shop.example/2.jpg", "https://shop.example/3.jpg"],
        "shipping": {"country": "DE", "price": "4 EUR"},
    }  # fmt: skip
    assert second == {"id": "2", "title": "Rug\xa0é", "guid": "r2"}
    feed = open_feed(tmp_path / "feed.xml")
    assert feed.facts == {"format": "XML", "row element": "item"}
    assert (feed.tabular, feed.columns) == (False, ())


def test_a_document_type_elsewhere_is_not_loaded(tmp_path):
    other = tmp_path / "other.dtd"
    other.write_text('<!ENTITY shop "secret">')
    text = f"""<!DOCTYPE r SYSTEM "{other.as_uri()}">
    <r><row><id>1</id><t>Lamp &shop;</t></row></r>"""
    assert rows_of(tmp_path / "shop.xml", text) == [{"id": "1", "t": "Lamp &shop;"}]


def test_categories_before_the_rows_give_their_names_to_their_ids(tmp_path):
    text = """<shop><categories><category id="1">Home</category>
    <category id="12" parentId="1">Lamps</category>
    <category id="8" parentId="9">Left</category><category id="9" parentId="8">Right</category>
    </categories><offer id="a"><name>Lamp</name><categoryId>12</categoryId></offer>
    <offer id="b"><name>Rug</name><categoryId>12</categoryId><categoryId>1</categoryId></offer>
    <offer id="c"><name>Vase</name><categoryId>99</categoryId></offer>
    <offer id="d"><name>Knot</name><categoryId>8</categoryId></offer></shop>"""
    lamp, rug, vase, knot = rows_of(tmp_path / "shop.xml", text)
    assert lamp["categoryId"] == [["Home", "Lamps"]]
    assert rug["categoryId"] == [["Home", "Lamps"], ["Home"]]
    assert vase["categoryId"] == "99"
    assert knot["categoryId"][0][-2:] == ["Right", "Left"]  # a circle ends


def test_an_atom_feed_is_read(tmp_path):
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
    <title>Shop</title><entry><g:id>1</g:id><title type="text">Lamp</title>
    <link rel="alternate" href="https://shop.example/1"/>
    <content type="xhtml"><div><p>Tall</p><p>bright</p></div></content></entry></feed>"""
    assert rows_of(tmp_path / "feed.xml", text) == [
        {"id": "1", "title": "Lamp", "link": "https://shop.example/1", "content": "Tall bright"}
    ]


def test_the_element_that_repeats_is_the_row(tmp_path):
    text = """<shop><currencies><currency id="EUR" rate="1"/></currencies>
    <groups><group id="1">Lamps</group><group id="2">Rugs</group></groups>
    <wares>
     <ware code="a" stock="3"><name>Lamp</name><parts><part><n>1</n></part><part><n>2</n></part>
      </parts><fact name="Colour">red</fact><fact name="Size">M</fact>
      <cost currency="EUR">5</cost><text>very <b>tall</b> lamp</text></ware>
     <ware code="b" stock="0"><name>Rug</name><empty/></ware>
    </wares></shop>"""
    assert rows_of(tmp_path / "shop.xml", text) == [
        {
            "code": "a", "stock": "3", "name": "Lamp",
            "parts": {"part": [{"n": "1"}, {"n": "2"}]},
            "fact": [{"name": "Colour", "value": "red"}, {"name": "Size", "value": "M"}],
            "cost": {"currency": "EUR", "value": "5"}, "text": "very tall lamp",
        },
        {"code": "b", "stock": "0", "name": "Rug", "empty": ""},
    ]  # fmt: skip
    assert open_feed(tmp_path / "shop.xml").facts["row element"] == "ware"


@pytest.mark.parametrize(
    ("codec", "declared", "stated"),
    [
        ("utf-8", "UTF-8", None),
        ("latin-1", "ISO-8859-1", "cp1252"),
        ("cp1251", "windows-1251", "cp1251"),
        ("utf-16", "UTF-16", "utf-16-le"),
    ],
)
def test_a_text_in_any_encoding_is_read(tmp_path, codec, declared, stated):
    title = "Кофемолка" if codec == "cp1251" else "Kaffeemühle"
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\n<r><row><id>1</id><t>{title}</t></row></r>'
    )
    assert rows_of(tmp_path / "shop.xml", text.encode(codec)) == [{"id": "1", "t": title}]
    assert open_feed(tmp_path / "shop.xml").facts.get("encoding") == stated


def test_damaged_bytes_cost_their_row_and_control_characters_nothing(tmp_path):
    text = "<r>" + "".join(f"<row><id>{n}</id><t>Löffel\x0b</t></row>" for n in range(5)) + "</r>"
    data = text.encode().replace(b"2</id><t>L", b"2</id><t>\xff")
    rows = rows_of(tmp_path / "shop.xml", data)
    assert rows[2] == "unreadable row"
    assert [row["t"] for row in rows[:2] + rows[3:]] == ["Löffel"] * 4


def test_a_row_above_a_limit_is_dropped_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 1000)
    monkeypatch.setattr(formats, "MAX_VALUES", 50)
    rows = ["<id>1</id>", f"<t>{'x' * 2000}</t>", "<t/>" * 60, "<id>4</id>"]
    text = "<r>" + "".join(f"<row>{row}</row>" for row in rows) + "</r>"
    assert rows_of(tmp_path / "shop.xml", text) == [
        {"id": "1"}, "row too long", "too many values", {"id": "4"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '<!DOCTYPE r [<!ENTITY a "b">]><r><row><t>&a;</t></row></r>',
            "has a document type with declarations",
        ),
        ("<r>" + "<a>" * 600, "more than 500 elements within each other"),
        (f"<r><row><t>1</t></row><!-- {'x' * 200_000} --></r>", "a comment of megabytes"),
        ("<r><a>1</a></r><r/>", "not well-formed XML after row 0: junk after document element"),
        ("<r>text</r>", "without an element that is repeated"),
        ("<r><row><t>1</t></row><row><t>2</row></r>", "after row 0: mismatched tag: line 1"),
    ],
)
def test_a_text_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch, text, sentence):
    monkeypatch.setattr(formats, "MAX_ROW", 20_000)
    with pytest.raises(CatalogError, match=sentence) as caught:
        rows_of(tmp_path / "shop.xml", text)
    assert "\n" not in str(caught.value)


def test_the_rows_before_the_damage_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(xml_rows, "HEAD", 1000)
    rows = "".join(f"<row><id>{n}</id></row>" for n in range(20_000))
    path = tmp_path / "shop.xml"
    path.write_text(f"<r>{rows}<row>")
    read = []
    with pytest.raises(CatalogError, match=r"after row 20,000: no element found"):
        read.extend(record for _, record in open_feed(path).rows)
    assert read == [{"id": str(n)} for n in range(20_000)]
