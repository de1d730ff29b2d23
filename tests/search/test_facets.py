"""Facets of numbers with units, from counts alone."""

from qdrant.filters import facet_of
from qdrant.model import ATTRIBUTES, Collection, Filters
from search.attributes import Attributes
from search.facets import FacetCounter


def counted(values):
    attributes = Attributes(
        Collection("demo", "f" * 16, 8, payload=ATTRIBUTES), {"Mass": values}, whole=True
    )
    facets = {facet_of("Mass", value): count for value, count in values.items()}
    counter = FacetCounter(
        attributes, Filters(), lambda field, *_: facets if field == "facets" else {}
    )
    [found] = counter.facets(sum(values.values()), 10).attributes
    return found


def test_equal_numbers_in_different_units_are_one_value():
    found = counted({"300 g": 5, "0.3 kg": 2, "1 kg": 1, "200 g": 1, "unknown": 1})
    assert found.values == {"200 g": 1, "300 g": 7, "1 kg": 1, "unknown": 1}
    assert (found.low, found.high, found.unit, found.different) == (200, 1_000, "g", 4)
    assert found.label == "Mass"


def test_many_numbers_with_units_are_counted_in_buckets_whose_label_has_the_unit():
    found = counted({f"{number}0 g": 1 for number in range(1, 40)} | {"0.5 kg": 1})
    assert found.values == {}
    assert sum(bucket.count for bucket in found.buckets) == 40
    assert found.high == 500
    assert found.label == "Mass (g)"
