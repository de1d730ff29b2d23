import pytest

from app.escaping import JOINER, escape, escape_sentence, format_price, shorten, web_link


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 * 3 [x](y) <b>", r"2 \* 3 \[x\]\(y\) \<b\>"),
        (":red[hot]", r"\:red\[hot\]"),
        ("a\n\n# b", r"a \# b"),
        ("L'Oréal, 50% off?", "L'Oréal, 50% off?"),
    ],
)
def test_markup_is_escaped_and_plain_words_are_unchanged(text, shown):
    assert escape(text) == shown


@pytest.mark.parametrize(
    "text", ["www.x.test", "https://x.test", "a@x.test", ":smile:", "->", "--"]
)
def test_what_streamlit_replaces_in_plain_words_is_split_invisibly(text):
    assert JOINER in escape(text)
    assert escape(text).replace(JOINER, "").replace("\\", "") == text


def test_an_ordinary_hyphen_can_still_be_searched_for_in_the_browser():
    assert JOINER not in escape("T-shirt, 3.5 oz: red")[:10]


def test_commands_in_a_sentence_stay_code_and_quotes_around_them_do_not():
    assert escape_sentence("No “*x*”; run `vitrine ingest vectors --variant a_b`.") == (
        r"No “\*x\*”; run `vitrine ingest vectors --variant a_b`\."
    )


def test_control_and_direction_characters_are_replaced_visibly():
    assert escape("a\u202eb\x1b[2J") == r"a�b�\[2J"
    assert escape_sentence("No `\x9bcommand` “\u2066x”.") == r"No `�command` “�x”\."
    assert shorten("a\x07b", 10) == "a�b"
    assert escape("שלום\u200f, 3") == "שלום\u200f, 3"


def test_long_text_is_cut_at_a_word():
    assert shorten("short", 10) == "short"
    assert shorten("one two three four", 12) == "one two…"
    assert len(shorten("x" * 50, 10)) == 10


@pytest.mark.parametrize("link", ["https://shop.test/a?b=c", "http://shop.test"])
def test_web_links_are_links(link):
    assert web_link(link) == link


@pytest.mark.parametrize(
    "link",
    [
        *("javascript:alert(1)", "data:text/html,x", "//x.test", "https://", "/a", "", None, 3),
        *("https://x.test/a b", "https://x.test/\u202e", "http://[::1", "HTTP:x"),
    ],
)
def test_anything_else_is_no_link(link):
    assert web_link(link) == ""


def test_prices_are_shown_without_a_currency_and_without_empty_cents():
    assert [format_price(amount) for amount in (None, 0, 1999, 1234.5)] == [
        "",
        "0",
        "1,999",
        "1,234.50",
    ]


def test_a_price_has_the_sign_or_the_code_of_its_currency():
    assert format_price(12.5, "EUR") == "€12.50"
    assert format_price(1499, "INR") == "₹1,499"
    assert format_price(8.49, "USD") == r"\$8.49"
    assert format_price(8, "CHF") == "8 CHF"
    assert format_price(8, "[x](y)") == r"8 \[x\]\(y\)"
