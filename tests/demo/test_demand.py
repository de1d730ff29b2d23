"""The queries: enough of them, all answerable, in words of their own."""

import json
from collections import Counter
from random import Random

import pytest

from demo import demand, shop
from demo.demand import demands, grade
from demo.lessons import write_caption, write_description
from demo.looks import Look, kinds
from demo.wording import sentences
from pictures.store import decode

ARTICLES = list(shop.articles())
DEMANDS = list(demands(ARTICLES))
RED = Look("lipstick", "red", "matte", "bullet", "large")


def test_there_are_at_least_150_queries_in_words_pictures_and_both():
    sorts = Counter(
        ("words" if each.text else "") + ("picture" if each.image else "") for each in DEMANDS
    )
    assert len(DEMANDS) >= 150
    assert set(sorts) == {"words", "picture", "wordspicture"}
    assert min(sorts.values()) >= 40
    assert len({each.id for each in DEMANDS}) == len(DEMANDS)


def test_every_kind_is_asked_for_in_words_in_pictures_and_in_both():
    for name in ("text", "picture", "both"):
        asked = {each.look.kind for each in DEMANDS if each.id.startswith(name)}
        assert asked == set(kinds())


def test_queries_are_the_same_every_time():
    assert list(demands(ARTICLES)) == DEMANDS


def test_every_query_has_a_perfect_answer_with_a_picture():
    pictured = [each for each in ARTICLES if each.image]
    for each in DEMANDS:
        assert 2 in each.relevant(pictured).values(), each.id


def test_answers_are_products_of_the_shop_and_of_the_category():
    by_id = {each.id: each for each in ARTICLES}
    for each in DEMANDS:
        for name, value in each.relevant(ARTICLES).items():
            assert value in (1, 2)
            assert by_id[name].category == each.category


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (RED, 2),
        (Look("lipstick", "red", "matte", "crayon", "small"), 2),
        (Look("lipstick", "red", "glossy", "bullet", "large"), 1),
        (Look("lipstick", "pink", "glossy", "bullet", "large"), 0),
        (Look("nail_polish", "red", "matte", "round", "large"), 0),
    ],
)
def test_grades_follow_from_the_attributes_asked_for(offered, expected):
    assert grade(RED, ("colour", "finish"), offered) == expected


def test_one_of_three_attributes_is_no_answer():
    other = Look("lipstick", "red", "glossy", "crayon", "large")
    assert grade(RED, ("colour", "finish", "shape"), other) == 0


def test_queries_are_not_worded_as_the_shop_or_as_training():
    asked = {each.text.lower() for each in DEMANDS if each.text}
    rng = Random(0)
    looks = [each.look for each in ARTICLES] * 5
    assert not asked & {write_caption(look, rng).text.lower() for look in looks}
    assert not asked & {write_description(look, rng).text.lower() for look in looks}
    assert not asked & {each.title.lower() for each in ARTICLES}
    templates = {
        text for some in sentences("queries").values() for t in some.values() for text in t
    }
    assert not templates & set(sentences("training")["titles"])


def test_a_query_picture_is_no_picture_of_the_catalogue(tmp_path):
    demand.write_queries(tmp_path, ARTICLES)
    rows = [json.loads(line) for line in (tmp_path / demand.QUERIES).read_text().splitlines()]
    assert len(rows) == len(DEMANDS)
    assert set(rows[0]) == {"id", "text", "image", "category", "kind", "relevant"}
    for row, each in zip(rows, DEMANDS, strict=True):
        if not row["image"]:
            continue
        data = (tmp_path / row["image"]).read_bytes()
        assert decode(data).size == (224, 224)
        twin = next(a for a in ARTICLES if a.look == each.look and a.image)
        assert data != shop.picture(twin)
