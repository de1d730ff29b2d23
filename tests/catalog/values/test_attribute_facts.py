import pytest

from catalog import values


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
    assert values.attributes(written) == {"Colour": "red", "Size": 4.0}
