"""Filters by deeper steps of category paths, and collections of before there were any."""

import pytest

from ingest import collection
from ingest.vectors import embed_products
from qdrant.model import Filters
from search.query import Query, QueryError
from search.shop import open_shop
from tests import shop


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_clip):
    rows = shop.rows()
    for row in rows:
        kind, _, colour = row["id"].partition("-")
        row["category"] = f"{row['category']} > {kind.title()}s > {colour.title()}"
    return shop.build(tmp_path_factory.mktemp("home"), tiny_clip, rows)


def found(home, *categories):
    with open_shop(home) as opened:
        query = Query("kettle", filters=Filters(categories=categories), k=50)
        return {each.id for each in opened.engine("tiny").search(query).results}


@pytest.mark.parametrize(
    ("categories", "count"),
    [
        (["Appliances"], 6),
        (["Kettles"], 6),
        (["Appliances > Kettles"], 6),
        (["Appliances>Kettles >  Teal"], 1),
        (["Teal"], 2),
        (["Teal", "Kettles"], 7),
    ],
)
def test_a_step_or_a_path_of_categories_is_a_filter(home, categories, count):
    assert len(found(home, *categories)) == count


def test_a_path_that_no_product_has_is_an_error(home):
    with pytest.raises(QueryError, match="No product has the category “Beauty > Kettles”") as error:
        found(home, "Beauty > Kettles")
    assert "vitrine ingest vectors" not in str(error.value)


def test_an_earlier_collection_is_filtered_by_department_until_it_is_built_anew(
    home, tmp_path, monkeypatch
):
    home = shop.copy(home, tmp_path / "home")
    monkeypatch.setattr(collection, "PAYLOAD", 1)
    assert embed_products(home, "tiny")["written"] == 12
    assert len(found(home, "Appliances")) == 6
    with pytest.raises(QueryError, match="departments only: `vitrine ingest vectors --variant"):
        found(home, "Kettles")
    monkeypatch.undo()
    figures = embed_products(home, "tiny")
    assert (figures["encoded"], figures["written"]) == (0, 12)
    assert len(found(home, "Kettles")) == 6
    assert embed_products(home, "tiny")["written"] == 0
