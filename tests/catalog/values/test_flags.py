import math

import pytest

from catalog.values import flag


@pytest.mark.parametrize(
    "written",
    ["in stock", "In_Stock", "instock", "1", "yes", "Ja", "true", 12, "12.0", "1,204", True,
     "https://schema.org/InStock", "http://schema.org/LimitedAvailability", "Only 3 left in stock.",
     "7 auf Lager", "Auf Lager", "preorder", "on-backorder", "https://schema.org/PreOrder",
     {"quantity": 3}, ["OutOfStock", "InStock"], '{"availability": "in stock"}'],
)  # fmt: skip
def test_what_can_be_ordered_now_is_available(written):
    assert flag(written) is True


@pytest.mark.parametrize(
    "written",
    ["out of stock", "Out_Of_Stock", "0", "0.0", 0, -2, "no", "Nein", False, "sold out",
     "https://schema.org/OutOfStock", "0 left", "Nicht verfügbar", "ausverkauft", "discontinued",
     {"availability": "out of stock", "quantity": 3}, ["OutOfStock", None]],
)  # fmt: skip
def test_what_cannot_be_ordered_is_not_available(written):
    assert flag(written) is False


@pytest.mark.parametrize("written", ["", "n/a", "blue", "ships in 3 days", None, math.nan, [], {}])
def test_what_is_neither_yes_nor_no_is_none(written):
    assert flag(written) is None
