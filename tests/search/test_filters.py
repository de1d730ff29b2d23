"""Filters by attribute, and facets, in a shop that was read from a feed."""

import json

import pytest
from typer.testing import CliRunner

from qdrant.model import Filters
from search.facets import CategoryCount
from search.facets_command import app as facets_app
from search.query import Query
from search.shop import open_shop
from search.where import parse_where
from tests import shop


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_clip):
    """The drawn shop's twelve products, with attributes; of prices in dollars there are two."""
    rows = shop.rows()
    for number, row in enumerate(rows):
        kind, _, colour = row["id"].partition("-")
        row["category"] = f"{row['category']} > {kind.title()}s"
        row["currency"] = "USD" if number in (1, 7) else "EUR"
        row["in_stock"] = number % 4 != 0
        row["released"] = f"202{number % 4}-05-0{number % 9 + 1}"
        row["attributes"] = {"Colour": colour, "Weight (kg)": 0.25 * number, "Rare": f"r{number}"}
        row["attributes"]["Depth"] = f"{number * 10} mm" if number % 3 else f"{number} cm"
        if number % 2:
            row["attributes"]["Washable"] = number % 3 == 0
        if not number:
            row["attributes"]["Plug"] = "G"
    return shop.build(tmp_path_factory.mktemp("filters"), tiny_clip, rows)


@pytest.fixture(scope="module")
def engine(home):
    with open_shop(home) as opened:
        yield opened.engine("tiny")


def found(engine, *written, **filters):
    query = Query("kettle", filters=Filters(where=parse_where(written), **filters), k=50)
    results = engine.search(query)
    assert not results.without_picture
    return {each.id for each in results.results}


def numbered(*numbers):
    ids = [row["id"] for row in shop.rows()]
    return {ids[number] for number in numbers}


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["colour=TEAL"], [1, 7]),
        (["colour=teal,navy"], [1, 3, 7, 9]),
        (["colour=teal", "Colour=navy", "category=kettles"], [7, 9]),
        (["colour!=teal", "category=kettles"], [6, 8, 9, 10, 11]),
        (["weight (kg)<0.5"], [0, 1]),
        (["weight_(kg)>0.25", "Weight (kg)<=0.75"], [2, 3]),
        (["weight (kg)=0.5..0.75,2.75"], [2, 3, 11]),
        (["depth<=30"], [0, 1, 2, 3]),
        (["depth>=1 cm", "depth<3cm"], [1, 2]),
        (["depth=0.1 m", "weight (kg)>2000 g"], [10]),
        (["depth<0"], []),
        (["depth!=0..9 cm"], [10, 11]),
        (["washable=yes"], [3, 9]),
        (["washable!=yes", "weight (kg)<1"], [0, 1, 2]),
        (["stock=no"], [0, 4, 8]),
        (["released=2020-05-01..2021"], [0, 1, 4, 5, 8, 9]),
        (["price<=30"], [0, 2]),
        (["price<=30 USD"], [1]),
        (["brand=ACME", "price>90"], [9, 11]),
        (["rating>=4.5", "rating<5"], [5, 11]),
    ],
)
def test_products_are_found_by_their_attributes_and_fields(engine, written, numbers):
    assert found(engine, *written) == numbered(*numbers)


def test_only_products_in_stock(engine):
    assert found(engine, in_stock=True) == numbered(1, 2, 3, 5, 6, 7, 9, 10, 11)


def test_a_price_bound_is_in_the_commonest_currency(engine):
    assert engine.count(Filters(price_max=30)) == 2
    assert engine.count(Filters(price_max=30, where=parse_where(["currency=usd"]))) == 1


def test_the_command_filters_by_attributes_and_names_the_currency(search_command):
    done = search_command("kettle", "--where", "colour=Teal", "--where", "weight (kg)<1", "--json")
    shown = json.loads(done.stdout)
    assert [result["id"] for result in shown["results"]] == ["lipstick-teal"]
    assert shown["query"]["where"][0] == {
        "name": "Colour", "values": ["teal"], "ranges": [], "negated": False
    }  # fmt: skip
    done = search_command("kettle", "--price-max", "30", "--in-stock")
    assert "olive lipstick" in done.stdout
    assert "crimson" not in done.stdout
    assert "Prices are in EUR; products with a price in USD are left out." in done.stderr


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("color", "“color” is not a condition"),
        ("color=teal", "No attribute to filter by is called “color”. Attributes there are: Colour"),
        ("colour=tael", "No product has the value “tael” of “Colour”. Values there are: teal"),
        ("plug=G", "“Plug” is an attribute of the catalogue and not among the filters."),
        ("weight (kg)=light", "“Weight (kg)” is a number, and “light” is none"),
    ],
)
def test_a_condition_that_cannot_hold_ends_the_command_with_the_reason(
    search_command, written, sentence
):
    done = search_command("kettle", "--where", written)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {sentence}")


def test_a_thousand_conditions_are_refused(search_command):
    options = [word for number in range(1_000) for word in ("--where", f"weight (kg)>{number}")]
    done = search_command("kettle", *options)
    assert done.exit_code == 1
    assert "at most 32 conditions on attributes, not 1,000" in done.stderr


def counted(engine, *written, query=None, **filters):
    return engine.facets(Filters(where=parse_where(written), **filters), query)


def attribute(facets, name):
    return next(each for each in facets.attributes if each.name == name)


def test_facets_count_what_the_products_are(engine):
    facets = counted(engine)
    assert facets.products == 12
    assert facets.categories == (
        CategoryCount("Appliances", "Appliances", 6),
        CategoryCount("Beauty", "Beauty", 6),
    )
    assert facets.stock == {"yes": 9, "no": 3}
    assert facets.brands == {"Acme": 6, "Zenith": 6}
    assert facets.currency == "EUR"
    assert sum(bucket.count for bucket in facets.prices) == 10
    weight = attribute(facets, "Weight (kg)")
    assert (weight.products, weight.low, weight.high) == (12, 0, 2.75)
    assert attribute(facets, "Washable").values == {"no": 4, "yes": 2}
    assert [each.name for each in facets.attributes][-1] == "Washable"  # few products have it


def test_numbers_with_units_are_counted_in_their_commonest_unit(engine):
    depth = attribute(counted(engine, "depth<1.5 cm"), "Depth")
    assert (depth.unit, depth.low, depth.high, depth.different) == ("mm", 0, 110, 12)
    assert list(depth.values)[:4] == ["0 cm", "10 mm", "20 mm", "3 cm"]
    assert counted(engine, "depth<1.5 cm").products == 2


def test_each_facet_leaves_its_own_filter_out(engine):
    facets = counted(engine, "colour=teal,navy", "weight (kg)<2", "stock=yes", price_max=100)
    assert facets.products == len(numbered(3))  # teal is in dollars, a navy kettle too heavy
    assert attribute(facets, "Colour").values == dict.fromkeys(
        ["crimson", "ivory", "navy", "olive"], 1
    )
    assert facets.stock == {"yes": 1}
    assert [(bucket.low, bucket.high, bucket.count) for bucket in facets.prices] == [
        (None, None, 1)
    ]
    assert attribute(facets, "Weight (kg)").products == 2


def test_the_next_steps_of_a_chosen_category_are_counted(engine):
    step = (CategoryCount("Kettles", "Appliances > Kettles", 6),)
    for chosen in ("Appliances", "Appliances > Kettles", "Kettles"):
        [appliances, beauty] = counted(engine, categories=(chosen,)).categories
        assert appliances == CategoryCount("Appliances", "Appliances", 6, step)
        assert beauty.children == ()


def test_facets_of_a_query_count_its_best_candidates(engine):
    query = Query("teal", match="words")
    facets = counted(engine, query=query)
    assert facets.products == 2
    assert facets.brands == {"Acme": 2}
    facets = counted(engine, "category=kettles", query=query)
    assert facets.products == 1
    assert [each.count for each in facets.categories] == [1, 1]
    assert counted(engine, query=Query("zzzz", match="words")).products == 0


def test_the_facets_command_prints_tables_and_json(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    done = CliRunner().invoke(facets_app, ["--where", "colour=navy", "--category", "Kettles"])
    assert done.stdout.startswith("1 product\n")
    for line in ("Appliances", "  Kettles", "price EUR", "Colour", "crimson"):
        assert line in done.stdout
    done = CliRunner().invoke(facets_app, ["teal", "--where", "weight (kg)>0.3", "--json"])
    shown = json.loads(done.stdout)
    assert shown["products"] == 10
    assert shown["query"]["text"] == "teal"
    assert {"brands", "stock", "prices", "attributes", "categories"} <= shown.keys()
    done = CliRunner().invoke(facets_app, ["--where", "color=teal"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: No attribute to filter by is called “color”.")
    assert "“-” has no words" in CliRunner().invoke(facets_app, ["--", "-"]).stderr
