"""Conditions as they are written."""

import pytest

from qdrant.model import Range, Where
from search.query import QueryError
from search.where import folded, parse_where, read_where, write_where


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("colour=Red", Where("colour", ("Red",))),
        (" colour = Red ", Where("colour", ("Red",))),
        ("colour=Red, Blue", Where("colour", ("Red", "Blue"))),
        ("colour!=Red", Where("colour", ("Red",), negated=True)),
        ("colour≠Red,Blue", Where("colour", ("Red", "Blue"), negated=True)),
        ("Base colour=Sea green", Where("Base colour", ("Sea green",))),
        ("weight=1..2", Where("weight", ("1..2",))),
        ("weight<2", Where("weight", ranges=(Range(lt="2"),))),
        ("weight<=2", Where("weight", ranges=(Range(lte="2"),))),
        ("weight≤2", Where("weight", ranges=(Range(lte="2"),))),
        ("weight > -1.5", Where("weight", ranges=(Range(gt="-1.5"),))),
        ("weight>=1.5 kg", Where("weight", ranges=(Range(gte="1.5 kg"),))),
        ("code=a=b<c", Where("code", ("a=b<c",))),
        ('size="7,5",8', Where("size", ("7,5", "8"))),
        ('note="he said ""hi"""', Where("note", ('he said "hi"',))),
        ('screen=15.6"', Where("screen", ('15.6"',))),
        ('"ratio w/h (<2)"=1', Where("ratio w/h (<2)", ("1",))),
        ('"a ""b"""=c', Where('a "b"', ("c",))),
        ("größe=42,,43", Where("größe", ("42", "43"))),
    ],
)
def test_a_condition_is_read(written, meant):
    assert parse_where([written]) == (meant,)


def test_values_of_one_name_are_alternatives_and_bounds_hold_together():
    written = ["colour=Red", "Colour=Blue", "weight>1", "weight<2", "COLOUR!=Pink", "colour=Red"]
    assert parse_where(written) == (
        Where("colour", ("Red", "Blue")),
        Where("weight", ranges=(Range(gt="1"),)),
        Where("weight", ranges=(Range(lt="2"),)),
        Where("COLOUR", ("Pink",), negated=True),
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("colour", "“colour” is not a condition: write it as in colour=Red"),
        ("", "“” is not a condition"),
        ("=Red", "is not a condition"),
        ('""=Red', "has no name before its operator"),
        ("colour=", "has no value"),
        ("colour=,", "has no value"),
        ("weight<", "has no bound: write it as in weight<2"),
        ("x" * 5_000, "at most 4,000 characters, not 5,000"),
    ],
)
def test_what_is_no_condition_is_an_error(written, sentence):
    with pytest.raises(QueryError, match=sentence):
        parse_where([written])


@pytest.mark.parametrize(
    ("name", "values"),
    [("colour", ["Red"]), ("a=b", ["1,5", 'x"y', " z", "p=q"]), ('he "x"', ["<i>", "7 > 8"])],
)
def test_a_written_condition_is_read_as_it_was_meant(name, values):
    assert parse_where([write_where(name, values)]) == (
        Where(name, tuple(value.strip() for value in values)),
    )


def test_names_are_compared_without_case_accents_and_kinds_of_blanks():
    assert folded("  Größe_in\tCM ") == folded("GROSSE in  cm")
    assert folded("Température") == "temperature"


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("Red", [Where("colour", ("Red",))]),
        (["Red", " Blue ", "Red"], [Where("colour", ("Red", "Blue"))]),
        ("7,5", [Where("colour", ("7,5",))]),
        (["a=b<c", 1.50, 2, True], [Where("colour", ("a=b<c", "1.5", "2", "yes"))]),
        ({"not": ["Red", False]}, [Where("colour", ("Red", "no"), negated=True)]),
        ({"gte": 1, "lt": "2 kg"}, [Where("colour", ranges=(Range(gte=1, lt="2 kg"),))]),
        (
            {"gt": 1, "not": "3"},
            [Where("colour", ranges=(Range(gt=1),)), Where("colour", ("3",), negated=True)],
        ),
    ],
)
def test_a_program_writes_a_condition_by_name(condition, meant):
    assert read_where({" colour ": condition}) == tuple(meant)


def test_conditions_are_read_in_either_form():
    assert read_where("colour=Red") == read_where(["colour=Red"]) == read_where({"colour": "Red"})
    assert read_where(()) == read_where({}) == ()


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"colour": []}, "“colour” has no value"),
        ({"colour": " "}, "“colour” has no value"),
        ({"colour": {}}, "has no bound and no value"),
        ({"colour": {"lt": None}}, "has no bound and no value"),
        ({"colour": {"below": 2}}, "has “below”; it can have gt, gte, lt, lte and not"),
        ({"colour": [["Red"]]}, "are texts, numbers or true and false"),
        ({"colour": None}, "are texts, numbers or true and false"),
        ({"colour": 10**400}, "are texts, numbers or true and false"),
        ({"colour": ["x" * 3_000, "y" * 3_000]}, "at most 4,000 characters, not 6,000"),
        ({" ": "Red"}, "A condition has no name"),
    ],
)
def test_a_condition_by_name_that_says_nothing_is_refused(conditions, sentence):
    with pytest.raises(QueryError, match=sentence):
        read_where(conditions)
