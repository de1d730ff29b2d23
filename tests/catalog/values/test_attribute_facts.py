import math
from decimal import Decimal

import pytest

from catalog.values import attribute, attribute_name, attributes


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("red", "red"),
        ("12", 12.0),
        ("12.50", 12.5),
        ("0,75", 0.75),
        ("-40", -40.0),
        (12, 12.0),
        (-0.5, -0.5),
        (Decimal("4.50"), 4.5),
        ("Yes", True),
        ("nein", False),
        (True, True),
        (["12"], 12.0),
        (["red", "blue"], "red, blue"),
        ([{"name": "red"}, {"name": "blue"}], "red, blue"),
        ({"value": 5, "unit": "cm"}, "5 cm"),
        ({"en": "red", "de": "rot"}, "red"),
        ("<b>red</b> &amp; blue", "red & blue"),
    ],
)
def test_a_fact_is_text_a_number_or_yes_or_no(written, typed):
    assert attribute(written) == typed
    assert type(attribute(written)) is type(typed)


@pytest.mark.parametrize(
    "written",
    ["012", "1,5 kg", "1.2.3", "1,250", "50 %", "12345678", "4006381333931", "1e5", "6.93E+12",
     "+5", "38, 40", "½"],
)  # fmt: skip
def test_codes_versions_and_numbers_with_a_unit_stay_text(written):
    assert attribute(written) == written


def test_a_code_that_is_a_number_in_json_becomes_text():
    assert attribute(4006381333931) == "4006381333931"


@pytest.mark.parametrize("written", ["", "n/a", "-", None, math.nan, [], {}, [None, ""]])
def test_a_missing_fact_is_none(written):
    assert attribute(written) is None


@pytest.mark.parametrize(
    "written",
    [
        {"Colour": "red", "Size": 4, "Made of": None},
        '{"Colour": "red", "Size": 4}',
        '{"facts"=>[{"key"=>"Colour", "value"=>"red"}, {"key"=>"Size", "value"=>"4"}]}',
        [{"name": "Colour", "value": "red"}, {"key": "Size", "value": 4}],
        [{"name": "Colour", "options": ["red"]}, {"name": "Size", "option": "4", "id": 3}],
        [{"attribute_name": "Colour", "attribute_value": "red"},
         {"attribute_name": "Size", "attribute_value": "4", "section_name": "Main"}],
        [{"option_display_name": "Colour", "label": "red"},
         {"option_display_name": "Size", "label": "4", "option_id": 7}],
        [{"value": "red", "option": {"title": "Colour"}},
         {"value": "4", "option": {"title": "Size"}}],
        [{"name": "red", "group": {"name": "Colour"}}, {"name": "4", "facet": {"name": "Size"}}],
        [{"name": "Colour", "terms": [{"name": "red"}]}, {"name": "Size", "terms": ["4"]}],
        [{"Colour": "red"}, {"Size": "4"}],
        [("Colour", "red"), ("Size", "4")],
        "Colour=red,Size=4",
        "Colour: red; Size: 4",
        "Colour: red\nSize: 4",
        "Colour: red | Size: 4",
    ],
)  # fmt: skip
def test_attributes_are_read_from_every_notation(written):
    assert attributes(written) == {"Colour": "red", "Size": 4.0}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"size": {"width": 3, "height": "4"}}, {"size width": 3.0, "size height": 4.0}),
        ({"param": {"name": "Hue", "value": "red"}}, {"Hue": "red"}),
        ({"Case": [{"name": "Hue", "value": "red"}]}, {"Hue": "red"}),
        ([{"name": "Mass", "value": 2, "unitText": "kg"}], {"Mass": "2 kg"}),
        ({"Hue": {"en": "red", "de": "rot"}}, {"Hue": "rot"}),
        ("hue=red, blue,size=4", {"hue": "red, blue", "size": 4.0}),
        ("a sentence, no fact", {}),
        ("Screen 16:9", {}),
        ("https://shop.example/a", {}),
        ("All that you want to have: this one", {}),
        ("Note: see https://shop.example/a", {"Note": "see https://shop.example/a"}),
        (None, {}),
        ([1, "two", None, []], {}),
    ],
)
def test_nested_facts_have_a_name_each(written, named):
    assert attributes(written, "de") == named


def test_long_white_space_is_read_in_time_that_grows_with_its_length():
    assert attributes("\n" * 200_000 + "Hue: red" + "\t \n" * 100_000 + "Size: 4") == {
        "Hue": "red",
        "Size": 4.0,
    }


def test_values_of_codes_stay_text_whatever_they_look_like():
    written = {"Model number": "42", "EAN 8": "1234567", "Version": "5.0", "Number of pieces": "3"}
    assert attributes(written) == written | {"Number of pieces": 3.0}


def test_two_facts_with_one_name_are_both_kept():
    written = {"pa_colour": "red", "Colour": "blue", "g:colour": "red"}
    assert attributes(written) == {"Colour": "red", "Colour 2": "blue"}
    assert attributes({"Colour": "blue", "pa_colour": "red"}) == {
        "Colour": "blue",
        "pa_colour": "red",
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("pa_color", "Color"),
        ("attribute_pa_größe", "Größe"),
        ("g:shade", "Shade"),
        ("battery_life_hours", "Battery life hours"),
        ("IsWaterproof", "Is waterproof"),
        ("screenSize", "Screen size"),
        ("HDMIPorts", "HDMI ports"),
        ("CARE_NOTE", "Care note"),
        ("EAN_CODE", "EAN code"),
        ("COLOUR", "Colour"),
        ("spec.weight", "Weight"),
        ("größe", "größe"),
        ("Colour", "Colour"),
        ("ink type", "ink type"),
        ("EAN", "EAN"),
        ("USB-C", "USB-C"),
        ("iPhone", "iPhone"),
        ("Weight (kg)", "Weight (kg)"),
        ("_", "_"),
    ],
)
def test_a_name_is_as_people_read_it(written, name):
    assert attribute_name(written) == name
