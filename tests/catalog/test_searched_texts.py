from catalog.product import Product
from catalog.searched_texts import searched_texts


def test_long_attributes_and_answers_are_left_out():
    product = Product(
        "1",
        "Teapot",
        attributes={"Colour": "slate", "Handmade": True, "Care": "rinse with warm water " * 5},
    )
    assert searched_texts(product)["attribute"] == ["slate"]
