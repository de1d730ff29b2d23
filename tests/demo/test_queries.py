"""The queries: enough of them, each with relevant products, in words that training has not."""

import json
from collections import Counter
from random import Random

import pytest

from demo import queries, shop
from demo.queries import grade, make_queries
from demo.style import Style, kinds
from demo.training_data import write_caption, write_description
from demo.wording import sentences
from pictures.decoder import decode

PRODUCTS = list(shop.make_products())
QUERIES = list(make_queries(PRODUCTS))
RED = Style("lipstick", "red", "matte", "bullet", "large")


def test_there_are_at_least_150_queries_of_text_picture_and_both():
    sorts = Counter(
        ("words" if each.text else "") + ("picture" if each.image else "") for each in QUERIES
    )
    assert len(QUERIES) >= 150
    assert set(sorts) == {"words", "picture", "wordspicture"}
    assert min(sorts.values()) >= 40
    assert len({each.id for each in QUERIES}) == len(QUERIES)


def test_every_kind_has_queries_of_text_picture_and_both():
    for name in ("text", "picture", "both"):
        found = {each.style.kind for each in QUERIES if each.id.startswith(name)}
        assert found == set(kinds())


def test_queries_are_the_same_every_time():
    assert list(make_queries(PRODUCTS)) == QUERIES


def test_every_query_has_a_perfect_result_with_a_picture():
    pictured = [each for each in PRODUCTS if each.image]
    for each in QUERIES:
        assert 2 in each.relevant(pictured).values(), each.id


def test_relevant_products_are_of_the_shop_and_of_the_category():
    by_id = {each.id: each for each in PRODUCTS}
    for each in QUERIES:
        for name, value in each.relevant(PRODUCTS).items():
            assert value in (1, 2)
            assert by_id[name].category == each.category


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (RED, 2),
        (Style("lipstick", "red", "matte", "crayon", "small"), 2),
        (Style("lipstick", "red", "glossy", "bullet", "large"), 1),
        (Style("lipstick", "pink", "glossy", "bullet", "large"), 0),
        (Style("nail_polish", "red", "matte", "round", "large"), 0),
    ],
)
def test_grades_follow_from_the_attributes_of_the_query(offered, expected):
    assert grade(RED, ("colour", "finish"), offered) == expected


def test_one_of_three_attributes_is_not_relevant():
    other = Style("lipstick", "red", "glossy", "crayon", "large")
    assert grade(RED, ("colour", "finish", "shape"), other) == 0


def test_queries_are_not_worded_as_the_shop_or_as_training():
    texts = {each.text.lower() for each in QUERIES if each.text}
    rng = Random(0)
    styles = [each.style for each in PRODUCTS] * 5
    assert not texts & {write_caption(style, rng).text.lower() for style in styles}
    assert not texts & {write_description(style, rng).text.lower() for style in styles}
    assert not texts & {each.title.lower() for each in PRODUCTS}
    templates = {
        text for some in sentences("queries").values() for t in some.values() for text in t
    }
    assert not templates & set(sentences("training")["titles"])


def test_a_query_picture_is_no_picture_of_the_catalogue(tmp_path):
    queries.write_queries(tmp_path, PRODUCTS)
    rows = [json.loads(line) for line in (tmp_path / queries.QUERIES).read_text().splitlines()]
    assert len(rows) == len(QUERIES)
    assert set(rows[0]) == {"id", "text", "image", "category", "kind", "relevant"}
    drawn = [(tmp_path / row["image"]).read_bytes() for row in rows if row["image"]]
    assert all(decode(data).size == (224, 224) for data in drawn)
    pictured = [each for each in QUERIES if each.image]
    for data, query in list(zip(drawn, pictured, strict=True))[::4]:
        twin = next(each for each in PRODUCTS if each.style == query.style and each.image)
        assert data != shop.picture(twin)
