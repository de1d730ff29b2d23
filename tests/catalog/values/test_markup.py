import pytest

from catalog.values import text, texts


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("<p>A <b>roomy</b> bag.</p><ul><li>Red</li><li>Light</li></ul>", "A roomy bag. Red Light"),
        ("<div>one</div>two<br>three<br/>four", "one two three four"),
        ("un<b>believ</b>able H<sub>2</sub>O", "unbelievable H2O"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<style>p {}</style>Red<script>if (a < b) x()</script><!-- note -->", "Red"),
        ("<script src=x.js/>Red<iframe src='y'/> blue", "Red blue"),
        ("<![CDATA[<p>Red</p>]]>", "Red"),
        ("<o:p></o:p>Red<custom-tag a=1>blue", "Red blue"),
        ('<a title="a > b" href="/x?a=1&copy=2">Red</a>', "Red"),
        ("<P CLASS=x>Red<BR>blue", "Red blue"),
        ("<p>Red <strong", "Red"),
        ("&lt;p&gt;Red&lt;/p&gt;", "Red"),
        ("<title>Red</title>blue", "Red blue"),
        ("<p>5 > 3 < 4 & size <M> <me@shop.example></p>", "5 > 3 < 4 & size <M> <me@shop.example>"),
    ],
)
def test_markup_becomes_its_text(written, plain):
    assert text(written) == plain


@pytest.mark.parametrize(
    "written",
    ["a < b", "a<b", "<3 you", "5 > 3", "size <M>, <S> or <XL>", "Ann <ann@shop.example>",
     "<https://shop.example/a?b=c>", "press <menu>", "<- left", "A&B, R&D", "Bread&notebook",
     "?a=1&copy=2", "&unknown;", "1/2\" <= x", "<!-- open", "<", "&", "Tom & Co; Ltd"],
)  # fmt: skip
def test_what_is_no_markup_stays(written):
    assert text(written) == written


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Salt &amp; Pepper &#8211; 2&nbsp;pcs", "Salt & Pepper – 2 pcs"),
        ("Ann&#39;s &quot;Caf&eacute;&quot; &#x2122;", 'Ann\'s "Café" ™'),
        ("Salt &amp;amp; Pepper &amp;#39;", "Salt & Pepper '"),
        ("Salt &amp Pepper&nbsp", "Salt & Pepper"),
        ("it&#146;s &#150;", "it’s –"),
        ("a&#0;b&#8238;c&shy;d", "a\N{REPLACEMENT CHARACTER}bcd"),
        ("<p>Bread&notebook &copy;</p>", "Bread&notebook ©"),
    ],
)
def test_entities_are_decoded(written, plain):
    assert text(written) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("[row][half]Soft wool[/half][/row]", "Soft wool"),
        ('A bag [gallery ids="1,2"] in red', "A bag in red"),
        ("Size [M] or [L], [new]", "Size [M] or [L], [new]"),
    ],
)
def test_shortcodes_go_and_other_brackets_stay(written, plain):
    assert text(written) == plain


def test_a_text_of_very_many_tags_is_read_in_time_that_grows_with_its_length():
    assert text("<div>" * 100_000 + "Red &amp; blue") == "Red & blue"
    assert text("<div " * 100_000).startswith("<div <div")


def test_items_of_html_are_bullet_points():
    written = "<p>Facts</p><ul><li>Red\nand blue</li><li>Soft <b>touch</b></li></ul>"
    assert texts(written) == ("Facts", "Red and blue", "Soft touch")
