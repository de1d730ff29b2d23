from collections import Counter
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.readers import read_products
from pictures.sources import read_source

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize(
    ("file", "choices", "count", "category"),
    [
        ("flipkart/products.jsonl", {"category_field": "main_category"}, 1047, "Watches"),
        ("fashion/products.jsonl", {"category_field": "article_type"}, 9583, "Tshirts"),
        ("beauty_small/products.jsonl", {"category": "Beauty"}, 2139, "Beauty"),
        ("grocery/products.jsonl", {}, 81, "Juice"),
        ("open_fixture/products.jsonl", {}, 195, "Outdoor gear"),
    ],
)
def test_every_row_of_the_shops_is_a_product_with_its_picture(
    realdata, file, choices, count, category
):
    products = list(read_products(realdata / file, **choices))
    assert len(products) == count
    assert all(isinstance(product, Product) for product in products)
    assert category in {product.category for product in products}
    assert all(Path(product.images[0]).is_file() for product in products)


def test_the_reviews_of_2023_are_read_with_their_gaps(realdata):
    products = list(read_products(realdata / "amazon_reviews_2023/meta_All_Beauty.sample.jsonl"))
    assert len(products) == 731
    assert Counter(product.price is None for product in products)[True] == 541
    assert sum(not product.features for product in products) == 566
    assert sum(not product.description for product in products) == 564
    assert sum(not product.brand for product in products) == 88  # of 90 without a store, 2 tell
    assert {product.category for product in products} == {"All Beauty", "Premium Beauty"}
    assert all(product.images and product.rating and product.rating_count for product in products)
    first = products[0]
    assert first.id == first.parent == "B0181ML7X2"
    assert first.images[0] == "https://m.media-amazon.com/images/I/91dDy2RcX+L._SL1500_.jpg"
    assert first.attributes["UPC"] == "764753405115"


def test_real_photos_are_stored(realdata, tmp_path):
    products = list(read_products(realdata / "open_fixture/products.jsonl"))[::5]
    with Catalogue(tmp_path) as catalogue:
        for product in products:
            stored = catalogue.pictures.add(read_source(product.images[0]))
            picture = catalogue.pictures.open(stored.hash)
            assert picture.size == (stored.width, stored.height)
            assert min(picture.size) <= catalogue.picture_side
