import pytest

from catalog import CatalogError
from catalog.attributes import AttributeSummary
from catalog.catalogue import Catalogue
from catalog.product import Product


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path) as opened:
        opened.upsert(
            Product(
                f"{number:03}",
                "a cup",
                attributes={
                    "Glaze": ("matt", "gloss")[number % 2],
                    "volume": (250.0, 300)[number % 2],
                    "dishwasher": number % 3 == 0,
                    "size": 38 if number % 2 else "S",
                    "code": f"C-{number}",
                    "origin": "Lisbon",
                }
                | ({"rare": "yes" if number else "no"} if number < 20 else {}),
            )
            for number in range(300)
        )
        yield opened


def test_every_attribute_has_its_type_and_its_numbers_of_values_and_products(catalogue):
    found = {each.name: each for each in catalogue.attributes()}
    assert found["Glaze"] == AttributeSummary("Glaze", "text", 2, 300, 1.0)
    assert found["volume"] == AttributeSummary("volume", "number", 2, 300, 1.0)
    assert found["dishwasher"] == AttributeSummary("dishwasher", "yes/no", 2, 300, 1.0)
    assert found["size"] == AttributeSummary("size", "text", 2, 300, 1.0)
    assert found["rare"] == AttributeSummary("rare", "text", 2, 20, 20 / 300)


def test_filters_have_some_values_and_enough_products(catalogue):
    assert [each.name for each in catalogue.filters()] == ["Glaze", "dishwasher", "size", "volume"]


def test_chosen_filters_are_kept_in_their_order_whatever_they_hold(catalogue, tmp_path):
    catalogue.choose_filters(["CODE", "glaze", "Glaze"])
    with Catalogue(tmp_path) as again:
        assert [each.name for each in again.filters()] == ["code", "Glaze"]
        again.choose_filters([])
        assert len(again.filters()) == 4


def test_a_filter_that_no_product_has_is_an_error_with_those_there_are(catalogue):
    with pytest.raises(
        CatalogError, match=r"No product.*'Glazing' to filter by; there are Glaze, code"
    ):
        catalogue.choose_filters(["Glazing"])
    assert catalogue.chosen_filters() is None


def test_an_empty_catalogue_has_no_attributes(tmp_path):
    with Catalogue(tmp_path / "empty") as catalogue:
        assert catalogue.attributes() == catalogue.filters() == []
