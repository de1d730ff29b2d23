"""Examples of searches, of words of the shop's own titles."""

from types import SimpleNamespace

import pytest

from app.examples import SAMPLE, find_examples
from search.facets import AttributeCount, CategoryCount, Facets
from search.results import Result

COLOURS = ("red", "blue")
BRANDS = ("Acme", "Bolt")


def _product(number, department, thing):
    colour, brand = COLOURS[number % 2], BRANDS[number % 2]
    return {
        "title": f"{brand} {thing}, ruby {colour}, full size",
        "brand": brand,
        "category": department,
        "attributes": [{"name": "Colour", "value": colour}],
    }


@pytest.fixture
def engine():
    """Knows two departments of two things each, in two colours and by two brands."""
    things = {"Kitchen": ("bread toaster", "water kettle"), "Beauty": ("hair dryer", "face cream")}
    products = {
        department: [
            _product(number // 2, department, names[number % 2]) for number in range(SAMPLE)
        ]
        for department, names in things.items()
    }
    facets = Facets(
        products=2 * SAMPLE,
        categories=tuple(CategoryCount(name, name, SAMPLE) for name in things),
        brands=dict.fromkeys(BRANDS, SAMPLE),
        stock={},
        currency="",
        prices=(),
        attributes=(AttributeCount("Colour", 2 * SAMPLE, 2, dict.fromkeys(COLOURS, SAMPLE)),),
    )

    def browse(filters, k):
        [department] = filters.categories
        found = products[department][:k]
        return tuple(Result(1, "", 0.0, "", each) for each in found)

    return SimpleNamespace(facets=lambda **_: facets, browse=browse)


def test_examples_are_things_of_each_department_some_with_a_colour_or_a_brand(engine):
    examples = find_examples.__wrapped__(engine, "")
    assert [text.split()[-1] for text in examples] == ["toaster", "kettle", "dryer", "cream"]
    assert examples[0] == "bread toaster"
    assert examples[1] in ("red water kettle", "blue water kettle")
    assert examples[3] in ("Acme face cream", "Bolt face cream")


def test_no_example_is_a_colour_a_size_or_a_brand(engine):
    examples = " ".join(find_examples.__wrapped__(engine, ""))
    assert "ruby" not in examples
    assert "size" not in examples
