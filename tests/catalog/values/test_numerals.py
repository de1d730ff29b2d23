import math
from decimal import Decimal

import pytest

from catalog import values


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
        ("-5 °C", None),
        ({"rate": 3.9, "count": 120}, 3.9),
        ({"ratingValue": "4.5", "reviewCount": "12"}, 4.5),
        ({"$numberDouble": "4.5"}, 4.5),
        ({}, None),
    ],
)
def test_a_number_is_found_in_text_and_never_guessed(written, amount):
    assert values.number(written) == amount


@pytest.mark.parametrize(
    ("written", "whole"),
    [("1,234 ratings", 1234), (17.0, 17), ("12", 12), ("1.2K", None), ("2K", None), (2.5, None),
     (10**30, None), ([], None), ("1.234", 1234),
     ("1.234 Bewertungen", 1234), ({"rate": 3.9, "count": 120}, 120), ({"average": 4.5}, None)],
)  # fmt: skip
def test_a_count_is_an_integer_or_none(written, whole):
    assert values.count(written) == whole
