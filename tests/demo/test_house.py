"""The shop in words of its own: names that the model has never met, for the shop's pictures."""

import json

import pytest

from catalog.product import Product
from catalog.readers import read_products
from demo import DemoError
from demo.house import PRODUCTS, title, write_house
from demo.looks import kinds, paints
from demo.shop import articles
from demo.wording import sentences

HOUSE = sentences("house")


def test_every_colour_and_finish_has_a_name_of_its_own():
    finishes = {value for kind in kinds().values() for value in kind.values["finish"]}
    assert set(HOUSE["colour"]) == set(paints())
    assert set(HOUSE["finish"]) == finishes
    names = [*HOUSE["colour"].values(), *HOUSE["finish"].values()]
    assert len(set(names)) == len(names)


def test_no_name_of_the_house_is_among_the_words_that_the_model_was_taught():
    taught = {
        word.lower()
        for kind in kinds().values()
        for values in kind.values.values()
        for words in values.values()
        for name in words.known
        for word in name.split()
    }
    names = [*HOUSE["colour"].values(), *HOUSE["finish"].values()]
    assert not taught & {word.lower() for name in names for word in name.split()}


def test_a_title_names_colour_and_finish_in_the_words_of_the_house_alone():
    for article in articles():
        text = title(article)
        assert HOUSE["colour"][article.look.colour] in text
        assert HOUSE["finish"][article.look.finish] in text


def test_the_file_has_every_product_with_a_picture_and_is_read_as_any_other(tmp_path):
    count = write_house(tmp_path)
    read = list(read_products(tmp_path / PRODUCTS))
    pictured = [article.id for article in articles() if article.image]
    assert all(isinstance(each, Product) for each in read)
    assert [each.id for each in read] == pictured
    assert count == len(pictured)
    row = json.loads((tmp_path / PRODUCTS).read_text(encoding="utf-8").splitlines()[0])
    assert row["image"].startswith("images/")


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(DemoError, match="draw the shop first"):
        write_house(tmp_path / "none")
