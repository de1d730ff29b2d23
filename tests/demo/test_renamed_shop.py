"""The renamed shop: colour and finish names that the model has never seen."""

import json

import pytest

from catalog.product import Product
from catalog.readers import read_products
from demo import DemoError
from demo.renamed_shop import PRODUCTS, title, write_renamed_shop
from demo.shop import make_products
from demo.style import kinds, paints
from demo.wording import sentences

NAMES = sentences("renamed")


def test_every_colour_and_finish_has_a_name_of_its_own():
    finishes = {value for kind in kinds().values() for value in kind.values["finish"]}
    assert set(NAMES["colour"]) == set(paints())
    assert set(NAMES["finish"]) == finishes
    names = [*NAMES["colour"].values(), *NAMES["finish"].values()]
    assert len(set(names)) == len(names)


def test_no_invented_name_is_a_word_of_the_training_texts():
    known = {
        word.lower()
        for kind in kinds().values()
        for values in kind.values.values()
        for words in values.values()
        for name in words.known
        for word in name.split()
    }
    names = [*NAMES["colour"].values(), *NAMES["finish"].values()]
    assert not known & {word.lower() for name in names for word in name.split()}


def test_a_title_has_the_invented_names_of_colour_and_finish():
    for product in make_products():
        text = title(product)
        assert NAMES["colour"][product.style.colour] in text
        assert NAMES["finish"][product.style.finish] in text


def test_the_file_has_every_product_with_a_picture_and_is_read_as_any_other(tmp_path):
    (tmp_path / "images").mkdir()
    count = write_renamed_shop(tmp_path)
    read = list(read_products(tmp_path / PRODUCTS))
    pictured = [product.id for product in make_products() if product.image]
    assert all(isinstance(each, Product) for each in read)
    assert [each.id for each in read] == pictured
    assert count == len(pictured)
    row = json.loads((tmp_path / PRODUCTS).read_text(encoding="utf-8").splitlines()[0])
    assert row["image"].startswith("images/")


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(DemoError, match="holds no demo shop"):
        write_renamed_shop(tmp_path / "none")
