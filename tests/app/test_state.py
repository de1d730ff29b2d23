from dataclasses import replace

import pytest
from PIL import Image

from app.state import DEFAULT_K, SearchState, follow, read_parameters, write_parameters


def test_a_search_state_is_the_same_after_writing_and_reading():
    state = SearchState(
        text="red & blue?",
        picture="https://x.test/a.jpg?b=1",
        upload="ab" * 32,
        crop=(0, 12, 50, 100),
        like="ü/1",
        variant="lora",
        categories=("Beauty", "Über #1"),
        brands=("L'Oréal",),
        price_min=9.99,
        price_max=1234567.25,
        in_stock=True,
        where=("colour=red,blue", "weight<2"),
        sort="-price",
        fold=False,
        k=24,
        page=3,
        product="a&b=c",
    )
    assert read_parameters(write_parameters(state)) == (state, [])


def test_a_default_search_state_is_a_bare_address():
    assert write_parameters(SearchState()) == {}


def test_another_search_begins_at_its_first_page_and_ends_the_view_of_a_product():
    before = SearchState(text="red", k=24, page=3, product="a")
    assert follow(before, replace(before, product="b")).page == 3
    assert follow(before, replace(before, page=4)).product == "a"
    for change in ({"text": "blue"}, {"sort": "price"}, {"brands": ("Acme",)}, {"fold": False}):
        after = follow(before, replace(before, **change))
        assert (after.page, after.product) == (1, "")


def test_another_query_ends_a_search_for_products_like_one():
    before = SearchState(text="red", like="a")
    changes = (
        {"text": "blue"},
        {"picture": "https://x.test/a.jpg"},
        {"upload": "ab" * 32},
        {"crop": (0, 0, 50, 50)},
    )
    for change in changes:
        assert follow(before, replace(before, **change)).like == ""
    assert follow(before, replace(before, categories=("Beauty",))).like == "a"


def test_another_picture_is_searched_with_whole():
    before = SearchState(upload="ab" * 32, crop=(0, 0, 50, 50))
    assert follow(before, replace(before, text="red")).crop == before.crop
    assert follow(before, replace(before, upload="cd" * 32)).crop == ()
    assert read_parameters({"crop": ["0,0,100,100"]}) == (SearchState(), [])


def test_a_part_of_a_picture_is_searched_with():
    picture = Image.new("RGB", (200, 10))
    query = SearchState(upload="ab" * 32, crop=(25, 0, 50, 50)).query(picture)
    assert query.picture.size == (50, 5)
    assert SearchState(upload="ab" * 32, crop=(0, 0, 5, 5)).query(picture).picture.size == (10, 1)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"crop": ["1,2,3"]}, "crop=1,2,3, which is not a part of a picture"),
        ({"crop": ["0,0,4,100"]}, "crop=0,0,4,100"),
        ({"crop": ["50,0,20,100"]}, "crop=50,0,20,100"),
        ({"crop": ["-5,0,20,101"]}, "crop=-5,0,20,101"),
        ({"price_min": ["abc"]}, "price_min=abc, which is not an amount"),
        ({"price_max": ["nan"]}, "price_max=nan"),
        ({"price_max": ["-1"]}, "price_max=-1"),
        ({"price_min": ["1e999"]}, "price_min=1e999"),
        ({"k": ["0"]}, "k=0, which is not a whole number from 1 to 60"),
        ({"k": ["9" * 5_000]}, "k=9999"),
        ({"k": ["²"]}, "k=²"),
        ({"page": ["0"]}, "page=0, which is not a whole number from 1 to 84"),
        ({"page": ["85"]}, "page=85"),
        ({"sort": ["cheap"]}, "sort=cheap, which is not one of price, -price, rating, newest"),
    ],
)
def test_an_invalid_parameter_is_ignored_with_a_sentence(parameters, sentence):
    state, [problem] = read_parameters(parameters)
    assert state == SearchState()
    assert sentence in problem
    assert len(problem) < 150


def test_unknown_parameters_are_ignored():
    assert read_parameters({"utm_source": ["x"], "k": [str(DEFAULT_K)], "category": ["", " "]}) == (
        SearchState(),
        [],
    )
