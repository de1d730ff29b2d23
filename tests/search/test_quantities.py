"""Numbers with a unit."""

import pytest

from search.quantities import Quantities, number_in, unit_of


@pytest.mark.parametrize(
    ("written", "unit", "number"),
    [
        ("300 g", "kg", 0.3),
        ("1.5kg", "g", 1500),
        ("1,5 Liter", "ml", 1500),
        (".25 L", "cl", 25),
        ('27"', "cm", 68.58),
        ("64-bit", "bit", 64),
        ("100 Mbps", "Gbit/s", 0.1),
        ("2 years", "months", 24),
        ("-18 °C", "°C", -18),
        ("12 fl. oz.", "fl oz", 12),
        ("3 m2", "cm²", 30_000),
        ("20 %", "%", 20),
        ("8 MB/s", "MB/s", 8),
        ("1,250 g", "g", None),
        ("300 g", "ml", None),
        ("8 mb/s", "MB/s", None),
        ("15 inch / 40 cm", "cm", None),
        ("5-10 kg", "kg", None),
        ("300", "g", None),
        ("heavy", "g", None),
    ],
)
def test_a_quantity_is_read_and_converted_within_its_kind(written, unit, number):
    assert number_in(unit_of(unit), written) == number


@pytest.mark.parametrize(
    ("values", "symbol"),
    [
        ({"300 g": 5, "1 kg": 3, "2 kg": 1}, "g"),
        ({"300 g": 1, "1 kg": 3, "light": 1}, "kg"),
        ({"300 g": 1, "light": 1}, None),
        ({"1 l": 2, "300 g": 2}, None),
        ({"4 cores": 2, "8 Cores": 1}, "cores"),
        ({"red": 4}, None),
        ({}, None),
    ],
)
def test_the_commonest_unit_is_of_an_attribute_of_one_kind(values, symbol):
    quantities = Quantities.read(values)
    assert (quantities and quantities.unit.symbol) == symbol
