"""Operators in a query's text."""

import pytest

from search.syntax import Syntax, read_syntax


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("red kettle", Syntax("red kettle")),
        ('"red kettle" steel', Syntax("red kettle steel", ("red kettle",))),
        ("steel „rote Kanne“", Syntax("steel rote Kanne", ("rote Kanne",))),
        ("“red kettle”", Syntax("red kettle", ("red kettle",))),
        ("«théière rouge» acier", Syntax("théière rouge acier", ("théière rouge",))),
        ("»rote Kanne«", Syntax("rote Kanne", ("rote Kanne",))),
        ("「高跟」鞋", Syntax("高跟 鞋", ("高跟",))),
        ("(“red”) lid", Syntax("( red ) lid", ("red",))),
        ("shoes -leather", Syntax("shoes", without=("leather",))),
        ("shoes −leather", Syntax("shoes", without=("leather",))),
        ("-leather shoes", Syntax("shoes", without=("leather",))),
        ('shoes -"faux leather" brown', Syntax("shoes brown", without=("faux leather",))),
        ("shoes -t-shirt,", Syntax("shoes", without=("t-shirt",))),
        ('"a b" -c "d e"', Syntax("a b d e", ("a b", "d e"), ("c",))),
        ('"red" "red"', Syntax("red red", ("red",))),
    ],
)
def test_quotes_and_minus_are_read(typed: str, read: Syntax):
    assert read_syntax(typed) == read


@pytest.mark.parametrize(
    "plain",
    [
        "t-shirt",
        "freezer -18 °C",
        '27" monitor',
        "5' 10\" pole",
        'frame 8"x10"',
        "kettle - red",
        "salt – pepper",
        "men's shoes",
        "ABC-123-x",
        "a--b",
    ],
)
def test_hyphens_numbers_and_inches_are_no_operators(plain: str):
    assert read_syntax(plain) == Syntax(plain)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ('"red kettle', "red kettle"),
        ('red -"steel kettle', "red steel kettle"),
        ("„rote Kanne", "rote Kanne"),
        ('"" kettle', "kettle"),
        ('" " kettle', "kettle"),
        ('kettle "!!!"', "kettle !!!"),
        ('kettle -"!!!"', "kettle"),
    ],
)
def test_an_operator_without_words_and_an_unclosed_quote_are_left_out(typed: str, text: str):
    assert read_syntax(typed) == Syntax(text)


@pytest.mark.parametrize("typed", ["-", "− -", '" " -', '"', '-"', "«» -"])
def test_operators_alone_are_no_text(typed: str):
    assert read_syntax(typed) == Syntax("")


def test_a_query_of_negations_alone_has_no_text():
    assert read_syntax("-leather -suede") == Syntax("", without=("leather", "suede"))


def test_characters_that_are_not_seen_hide_no_operator():
    assert read_syntax("\u200f\u200b-lea\u00adther sho\u200bes") == Syntax(
        "shoes", without=("leather",)
    )


def test_a_long_text_is_read_in_linear_time():
    assert read_syntax('"a ' * 1300 + "-" * 3000).phrases
