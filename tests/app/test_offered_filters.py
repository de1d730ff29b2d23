import pytest

from app.offered_filters import offer_filters
from app.state import SearchState
from search.buckets import Bucket
from search.facets import AttributeCount, CategoryCount, Facets

FACETS = Facets(
    9,
    (CategoryCount("Beauty", "Beauty", 3, (CategoryCount("Lip Color", "Beauty > Lip Color", 2),)),),
    {"ACME": 3, "AND": 2, "L'Oréal Paris": 1},
    {},
    "EUR",
    (Bucket(None, 20, 3),),
    (AttributeCount("colour", 9, 2, {"Red": 3, "Blue": 2}),),
)


def offered(text: str, **fields: object) -> dict[str, str]:
    """The texts that are left, by the label of the filter."""
    offers = offer_filters(SearchState(text=text, **fields), FACETS)
    return {offer.label: offer.state.text for offer in offers}


@pytest.mark.parametrize(
    ("text", "low", "high", "rest"),
    [
        ("mug under 20", None, 20, "mug"),
        ("under €20 mug", None, 20, "mug"),
        ("mug <20", None, 20, "mug"),
        ("mug over 20.50 eur", 20.5, None, "mug"),
        ("from 20 to 50 mug", 20, 50, "mug"),
        ("mug between €50 and €20", 20, 50, "mug"),
        ("Tasse unter 20 €", None, 20, "Tasse"),
        ("Tasse bis zu 19,99 Euro", None, 19.99, "Tasse"),
        ("Tasse zwischen 20 und 50", 20, 50, "Tasse"),
        ("tasse moins de 1 500", None, 1500, "tasse"),
        ("menos de 20 euros taza", None, 20, "taza"),
        ("tazza sotto 20", None, 20, "tazza"),
        ("kubek poniżej 30", None, 30, "kubek"),
    ],
)
def test_a_price_in_words_is_offered_as_a_filter(text, low, high, rest):
    [offer] = offer_filters(SearchState(text=text), FACETS)
    assert (offer.state.price_min, offer.state.price_max, offer.state.text) == (low, high, rest)
    assert offer.label.startswith("Price ")


@pytest.mark.parametrize(
    "text", ["size 20", "rope under 20cm", "rope under 20 cm", "mug under $20", "wunder 20", "mug"]
)
def test_what_is_no_price_of_this_shop_is_not_offered(text):
    assert offered(text) == {}


def test_brands_categories_and_values_are_offered_with_the_words_that_are_left():
    assert offered("mug by acme") == {"Brand: ACME": "mug"}
    assert offered("loreal paris lip color") == {
        "Brand: L'Oréal Paris": "lip color",
        "Category: Lip Color": "loreal paris",
    }
    assert offered("red mug") == {"Colour: Red": "mug"}


def test_a_brand_of_few_letters_is_meant_only_as_the_shop_writes_it():
    assert offered("shirt and tie") == {}
    assert offered("AND shirt") == {"Brand: AND": "shirt"}


def test_a_filter_that_is_set_is_not_offered_again():
    assert offered("red mug by acme under 20", brands=("X",), price_min=1.0) == {
        "Colour: Red": "mug by acme under 20"
    }
    assert offered("mug", like="a") == {}
