"""Conditions brought to what a collection's products have."""

import pytest

from qdrant.model import ATTRIBUTES, Collection, Filters, Range, Where
from search.attributes import Attributes
from search.conditions import Conditions
from search.query import QueryError
from search.where import parse_where

COLLECTION = Collection(
    "demo", "f" * 16, 8, payload=ATTRIBUTES, numbers=("Screen (cm)", "Weight (kg)")
)
VALUES = {
    "Colour": {"red": 7, "Red": 3, "Blue, dark": 5, "Sea_Green": 2},
    "colour": {"Pink": 1},
    "Washable": {"yes": 4, "no": 3},
    "Weight (kg)": {"1.5": 3, "2": 4},
    "Size": {"42": 1, "300 g": 2, "S": 9},
    "brand": {"Zenith": 5, "L'Été": 3},
    "categories": {},
    "category": {"Kitchen": 5, "Kettles": 3, "Kitchen > Kettles": 3},
    "currency": {"EUR": 9, "USD": 3, "GBP": 1},
    "stock": {"yes": 9, "no": 1},
}


def attributes(**changes):
    fields = {"collection": COLLECTION, "values": VALUES, "whole": True} | changes
    return Attributes(**fields)


def resolved(*written, **changes):
    filters = Filters(where=parse_where(written))
    return Conditions(attributes(**changes)).resolve(filters).where


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("COLOUR=blue, dark", None),
        ('Colour="blue, dark"', Where("Colour", ("Blue, dark",))),
        ("Colour=RED", Where("Colour", ("red", "Red"))),
        ("Colour=Red", Where("Colour", ("Red",))),
        ("COLOUR=sea green", Where("Colour", ("Sea_Green",))),
        ("colour=pink", Where("colour", ("Pink",))),
        ("washable=true", Where("Washable", ("yes",))),
        ("washable=nein", Where("Washable", ("no",))),
        ("weight_(KG)<2", Where("Weight (kg)", ranges=(Range(lt=2.0),))),
        ("weight (kg)<2 kg", Where("Weight (kg)", ranges=(Range(lt=2.0),))),
        ("weight (kg)<500 g", Where("Weight (kg)", ranges=(Range(lt=0.5),))),
        ("weight (kg)=2", Where("Weight (kg)", ranges=(Range(gte=2.0, lte=2.0),))),
        (
            "weight (kg)=1..2,5..",
            Where("Weight (kg)", ranges=(Range(gte=1.0, lte=2.0), Range(gte=5.0))),
        ),
        ("Brand=l'ete", Where("brand", ("L'Été",))),
        ("category=kitchen>KETTLES", Where("category", ("Kitchen > Kettles",))),
        ("in stock=yes", Where("stock", ("yes",))),
        ("rating>=4", Where("rating", ranges=(Range(gte=4.0),))),
        ("released=2024", Where("released", ranges=(Range(gte="2024-01-01", lt="2025-01-01"),))),
        ("released>2024-12", Where("released", ranges=(Range(gte="2025-01-01"),))),
        ("released<=2024-02-28", Where("released", ranges=(Range(lt="2024-02-29"),))),
        (
            "release_date=2023-05..2023-06",
            Where("released", ranges=(Range(gte="2023-05-01", lt="2023-07-01"),)),
        ),
    ],
)
def test_a_condition_has_the_names_and_values_of_the_collection(written, meant):
    if meant is None:
        with pytest.raises(QueryError, match="No product has the value “blue” of “Colour”"):
            resolved(written)
    else:
        assert resolved(written) == (meant,)
        filters = Filters(where=(meant,))
        assert Conditions(attributes()).resolve(filters) == filters


QUANTITIES = VALUES | {
    "Net mass": {"300 g": 5, "0.3 kg": 2, "1,5 kg": 3, "750g": 1, "heavy": 1},
    "Volume": {"1 l": 4, "250 ml": 3, "0,33 L": 2},
    "Cores": {"4 cores": 4, "16 Cores": 2, "8-cores": 3},
}


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("net mass<500", ["300 g", "0.3 kg"]),
        ("net mass<=750 g", ["300 g", "0.3 kg", "750g"]),
        ("net mass>0.5kg", ["1,5 kg", "750g"]),
        ("net mass>=1,5 kg", ["1,5 kg"]),
        ("net mass=0.5..2 kg", ["1,5 kg", "750g"]),
        ("net mass=700..", ["1,5 kg", "750g"]),
        ("net mass=300", ["300 g", "0.3 kg"]),
        ("net mass=0.3 KG", ["300 g", "0.3 kg"]),
        ("net mass=Heavy", ["heavy"]),
        ("net mass=heavy,1 kg..", ["1,5 kg", "heavy"]),
        ("net mass>5 kg", [""]),
        ("volume<1", ["250 ml", "0,33 L"]),
        ("volume<300 ml", ["250 ml"]),
        ("cores>=8", ["16 Cores", "8-cores"]),
    ],
)
def test_a_bound_on_numbers_with_units_is_all_values_within_it(written, values):
    [where] = resolved(written, values=QUANTITIES)
    assert list(where.values) == values
    assert where.ranges == ()
    again = Conditions(attributes(values=QUANTITIES)).resolve(Filters(where=(where,)))
    assert set(again.where[0].values) == set(values)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("net mass<2 l", "“Net mass” are in g, and “l” is no unit of that kind"),
        ("net mass<light", "“Net mass” is a number, and “light” is none"),
        ("net mass=2 kg", "No product has the value “2 kg” of “Net mass”. Values there are"),
        ("net mass=2..1 kg", "The lowest Net mass, 2000, is above the highest, 1000."),
    ],
)
def test_a_bound_in_a_unit_of_another_kind_is_an_error(written, sentence):
    with pytest.raises(QueryError, match=sentence):
        resolved(written, values=QUANTITIES)


def test_numbers_with_units_are_not_compared_where_some_values_were_not_counted():
    with pytest.raises(QueryError, match="more than 10,000 different values"):
        resolved("net mass<1", values=QUANTITIES, whole=False)
    [where] = resolved("net mass=300 g,9 kg", values=QUANTITIES, whole=False)
    assert where.values == ("300 g", "0.3 kg", "9 kg")


def test_prices_are_compared_in_the_commonest_currency_or_in_the_one_that_is_named():
    others = Where("currency", ("USD", "GBP"), negated=True)
    bound = Where("price", ranges=(Range(lt=20.0),))
    assert resolved("price<20") == (bound, others)
    assert resolved("price<20 EUR") == (bound, Where("currency", ("EUR",)))
    assert resolved("price<20", "currency=usd") == (bound, Where("currency", ("USD",)))
    assert resolved("rating>1") == (Where("rating", ranges=(Range(gt=1.0),)),)
    assert Conditions(attributes()).resolve(Filters(price_max=9)).where == (others,)
    one = {**VALUES, "currency": {"EUR": 9}}
    assert resolved("price<20", values=one) == (bound,)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            "couler=red",
            "No attribute to filter by is called “couler”. Attributes there are: Colour",
        ),
        ("zzzz=red", "Attributes there are: "),
        ("colour=blu", "No product has the value “blu” of “colour”. Values there are: Pink"),
        ("Colour=sea gren", "Values there are: Sea_Green"),
        ("brand=Zenit", "No product has the value “Zenit” of “brand”. Values there are: Zenith"),
        ("Colour!=purple", "No product has the value “purple” of “Colour”"),
        ("size<42", "“Size” is text, as “42”, “300 g”, “S”, and has no order"),
        ("size=1..2", "“Size” is text"),
        ("weight (kg)<heavy", "“Weight .kg.” is a number, and “heavy” is none"),
        ("weight (kg)<nan", "is a number, and “nan” is none"),
        ("weight (kg)<1e999", "is a number, and “1e999” is none"),
        ("weight (kg)<1,5", "“1,5” is none: write it as 2, 1.5"),
        ("weight (kg)<2 l", "are in kg, and “l” is no unit of that kind: .*Weight .kg.<2 kg."),
        ("weight (kg)=2..1", "The lowest Weight .kg., 2, is above the highest, 1."),
        ("weight (kg)=..", "“..” has no bound"),
        ("released>soon", "“released” is a date, and “soon” is none: write it as 2024"),
        ("released=2024-13", "“2024-13” is none"),
        ("released>9999", "“9999” is none"),
        ("released=2025..2024", "The first day of released, 2025-01-01, is after the last"),
        ("price<20 parsecs", "have no unit “parsecs”"),
    ],
)
def test_a_condition_that_nothing_can_pass_is_an_error(written, sentence):
    with pytest.raises(QueryError, match=sentence):
        resolved(written)


def test_a_value_is_taken_as_it_is_where_there_are_more_than_were_counted():
    assert resolved("Colour=purple", whole=False) == (Where("Colour", ("purple",)),)


def test_an_attribute_that_is_no_filter_is_an_error_with_the_command_that_adds_it():
    with pytest.raises(QueryError, match="not among the filters") as error:
        resolved("PLUG type=G", others=lambda: ["Colour", "Plug Type"])
    sentence = str(error.value)
    assert "“Plug Type” is an attribute of the catalogue" in sentence
    assert '--filters "' in sentence
    assert ',Plug Type"` names them anew' in sentence


@pytest.mark.parametrize(
    ("written", "known"),
    [("Colour=red", False), ("stock=yes", False), ("released>2024", False), ("price<9", True)],
)
def test_an_earlier_collection_has_prices_alone_and_the_remedy_is_named(written, known):
    earlier = {"collection": Collection("demo", "f" * 16, 8), "values": {"brand": {}}}
    if known:
        assert resolved(written, **earlier)
        return
    with pytest.raises(QueryError, match="`vitrine ingest vectors --variant demo` renews it"):
        resolved(written, **earlier)
