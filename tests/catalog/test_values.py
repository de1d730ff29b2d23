import math
from decimal import Decimal
from pathlib import Path

import pytest

from catalog import values

HERE = Path("/shop")


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  A\u00a0 wide\tspace \n", "A wide space"),
        ("ｆｕｌｌ ｗｉｄｔｈ ﬁ", "full width fi"),
        ("L'Oréal 日本 👩\u200d🔧", "L'Oréal 日本 👩\u200d🔧"),
        ("<b>bold</b> &amp;", "<b>bold</b> &amp;"),
        ("a\x00b\ufeff\ud800c", "abc"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("NaN", ""),
        (" n/a ", ""),
        (None, ""),
        (math.nan, ""),
        (12.0, "12"),
        (12.5, "12.5"),
        (["one", None, "two"], "one two"),
        ({"Rank": {"Beauty": 3}}, "Rank: Beauty: 3"),
        (Decimal("4.50"), "4.50"),
        (b"bytes", "bytes"),
    ],
)
def test_text_is_normalised_and_missing_values_are_empty(written, clean):
    assert values.text(written) == clean


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("$1,299.00", 1299.0),
        ("Rs. 899", 899.0),
        ("Rs.899", 899.0),
        ("₹1,29,999.50", 129999.5),
        ("1.299,00 €", 1299.0),
        ("12,99 €", 12.99),
        ("1 299,00 kr", 1299.0),
        ("CHF 1'299.90", 1299.9),
        ("$1,299", 1299.0),
        ("€1.299", 1299.0),
        ("1.299", 1.299),
        ("$0.125", 0.125),
        ("$.99", 0.99),
        ("10.99 - 20.99", 10.99),
        ("4.5 out of 5 stars", 4.5),
        (899, 899.0),
        (Decimal("8.99"), 8.99),
        ("—", None),
        ("", None),
        ("nan", None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        (-5, None),
        (None, None),
        (True, None),
        (["5"], None),
    ],
)
def test_a_number_is_found_in_text_and_never_guessed(written, amount):
    assert values.number(written) == amount


@pytest.mark.parametrize(
    ("written", "whole"),
    [("1,234 ratings", 1234), (17.0, 17), ("12", 12), ("1.2K", None), ("2K", None), (2.5, None),
     (10**30, None), ([], None)],
)  # fmt: skip
def test_a_count_is_an_integer_or_none(written, whole):
    assert values.count(written) == whole


def test_all_sizes_of_a_picture_are_listed_largest_first():
    written = [{"thumb": "t.jpg", "large": "l.jpg", "hi_res": "h.jpg", "variant": "PT01"}]
    assert values.addresses(written, HERE) == ("/shop/h.jpg", "/shop/l.jpg", "/shop/t.jpg")


@pytest.mark.parametrize(
    "written",
    [
        "a.jpg|b.jpg",
        ["a.jpg", "b.jpg", "a.jpg", None, ""],
        '["a.jpg", "b.jpg"]',
        "['a.jpg', 'b.jpg']",
        [{"url": "a.jpg"}, {"src": "b.jpg"}],
        [
            {"variant": "PT01", "hi_res": None, "large": "b.jpg", "thumb": None},
            {"variant": "MAIN", "hi_res": "a.jpg", "large": "a.jpg"},
        ],
        {
            "hi_res": [None, "a.jpg"],
            "large": ["b.jpg", None],
            "variant": ["PT01", "MAIN"],
            "thumb": ["b.jpg", None],
        },
        '{"hi_res": [null, "a.jpg"], "large": ["b.jpg"], "variant": ["PT01", "MAIN"]}',
    ],
)
def test_every_notation_of_pictures_gives_their_addresses_best_first(written):
    assert values.addresses(written, HERE) == ("/shop/a.jpg", "/shop/b.jpg")


def test_only_relative_paths_start_from_the_folder_and_names_are_not_normalised():
    written = [
        "http://x/é .jpg",
        "//x/b.jpg",
        "/abs/c.jpg",
        "data:,a|b",
        "cafe\u0301.jpg",
        "HTTPS://x",
    ]
    assert values.addresses(written, HERE) == (
        "http://x/é .jpg",
        "https://x/b.jpg",
        "/abs/c.jpg",
        "data:,a|b",
        "/shop/cafe\u0301.jpg",
        "HTTPS://x",
    )
    assert values.addresses("data:,a|b", HERE) == ("data:,a|b",)


@pytest.mark.parametrize(
    "written",
    [
        {"Colour": "red", "Size": 4, "Made of": None},
        '{"Colour": "red", "Size": 4}',
        [{"name": "Colour", "value": "red"}, {"key": "Size", "value": 4}],
        [("Colour", "red"), ("Size", "4")],
    ],
)
def test_attributes_are_read_from_objects_and_lists_of_pairs(written):
    assert values.attributes(written) == {"Colour": "red", "Size": "4"}


@pytest.mark.parametrize(
    "written", ["[New] phone", "[1,", "{x}", "[" * 100_000 + "]", "[__import__('os')]"]
)
def test_text_that_only_looks_like_a_list_stays_text(written):
    assert values.parse_literal(written) == written
