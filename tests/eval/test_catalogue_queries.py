import json

import pytest

from catalog.catalogue import Catalogue
from eval import EvalError
from eval.catalogue_queries import make_queries, read_held_out
from eval.groups import group_of
from ingest.images import fetch_images
from ingest.products import load_products
from tests.shop import draw, rows, write_source


@pytest.fixture
def shared(tmp_path):
    """Five products: two share a title, two a picture, one has no picture."""
    made = [
        {"id": "a", "title": "Red Mug", "image": "one.png", "category": "K", "colour": "red"},
        {"id": "b", "title": "red mug", "image": "two.png", "category": "K", "colour": "red"},
        {"id": "c", "title": "Crimson cup", "image": "two.png", "category": "K", "colour": "red"},
        {"id": "d", "title": "Red Mug", "category": "K"},
        {"id": "e", "title": "Blue plate", "image": "three.png", "category": "T", "colour": "blue"},
    ]
    source = write_source(tmp_path / "source", made)
    for colour, name in (("crimson", "one.png"), ("teal", "two.png"), ("navy", "three.png")):
        draw(f"x-{colour}").save(tmp_path / "source" / name)
    load_products(tmp_path, source)
    fetch_images(tmp_path)
    with Catalogue(tmp_path, create=False) as catalogue:
        yield catalogue


def queries_of(catalogue, kind, **settings):
    return make_queries(catalogue, [kind], **{"share": 1.0} | settings)


def test_of_a_title_every_product_with_a_picture_of_the_title_is_relevant(shared):
    mug, cup, plate = queries_of(shared, "title")
    assert (mug.text, set(mug.relevant)) == ("Red Mug", {"a", "b", "c"})
    assert (cup.text, set(cup.relevant)) == ("Crimson cup", {"b", "c"})
    assert set(plate.relevant) == {"e"}
    assert {query.vector for query in (mug, cup, plate)} == {"image"}


def test_of_a_picture_every_product_with_a_title_of_the_picture_is_relevant(shared):
    one, two, three = queries_of(shared, "picture")
    assert set(one.relevant) == {"a", "b", "d"}
    assert set(two.relevant) == {"a", "b", "c", "d"}
    assert set(three.relevant) == {"e"}
    assert {query.vector for query in (one, two, three)} == {"text"}
    assert not any(query.text for query in (one, two, three))


def test_of_a_category_its_products_are_relevant_unless_nearly_all_have_it(shared):
    [table] = queries_of(shared, "category")
    assert (table.text, set(table.relevant), table.vector) == ("T", {"e"}, "fused")


def test_fields_are_joined_into_one_query(shared):
    found = queries_of(shared, "category", fields=("colour", "category"))
    assert [query.text for query in found] == ["blue T"]
    with pytest.raises(EvalError, match="field “size”; there are category, brand, colour"):
        queries_of(shared, "category", fields=("size",))


def test_queries_are_made_from_held_out_products_and_all_may_be_relevant(shared):
    [query] = queries_of(shared, "title", held_out=["c"])
    assert query.id == "title:c"
    assert set(query.relevant) == {"b", "c"}


def test_a_share_takes_whole_groups_and_the_seed_decides_which(shop):
    with Catalogue(shop, create=False) as catalogue:
        drawn = {
            seed: [query.id for query in queries_of(catalogue, "title", share=0.25, seed=seed)]
            for seed in (1, 1, 2)
        }
        assert len(drawn[1]) == len(drawn[2]) == 3
        assert drawn[1] != drawn[2]
        assert drawn[1] == [q.id for q in queries_of(catalogue, "title", share=0.25, seed=1)]


def test_groups_hold_what_shares_a_title_or_a_picture_and_what_these_share(shared):
    groups = group_of(shared.entries())
    assert len({groups[name] for name in "abcd"}) == 1
    assert groups["e"] != groups["a"]


def test_a_limit_draws_so_many_of_each_kind(shop):
    with Catalogue(shop, create=False) as catalogue:
        made = make_queries(catalogue, ["title", "picture"], share=1.0, limit=4)
    assert [query.kind for query in made] == ["title → picture"] * 4 + ["picture → text"] * 4


def test_what_cannot_be_made_is_refused(shared):
    with pytest.raises(EvalError, match="kind “sound”; take title, picture, category"):
        queries_of(shared, "sound")
    with pytest.raises(EvalError, match="between 0 and 1"):
        queries_of(shared, "title", share=1.5)
    with pytest.raises(EvalError, match="None of the products"):
        queries_of(shared, "title", held_out=["nobody"])
    with pytest.raises(EvalError, match="under Shoes"):
        queries_of(shared, "title", categories=["Shoes"])
    with pytest.raises(EvalError, match="No query of kind picture can be made"):
        queries_of(shared, "picture", held_out=["d"])


def test_held_out_ids_are_read_as_json_as_lines_and_from_a_split(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["x", 7]))
    (tmp_path / "b.txt").write_text("x\n\n7\n")
    assert read_held_out(tmp_path / "a.json") == read_held_out(tmp_path / "b.txt") == ["x", "7"]
    (tmp_path / "split.json").write_text('{"seed": 0, "train": ["y"], "test": ["x", "7"]}')
    assert read_held_out(tmp_path / "split.json") == ["x", "7"]
    (tmp_path / "c.json").write_text('{"a": 1}')
    with pytest.raises(EvalError, match="no list of product ids"):
        read_held_out(tmp_path / "c.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(EvalError, match="no list of product ids"):
        read_held_out(tmp_path / "deep.json")
    with pytest.raises(EvalError, match="There is no file"):
        read_held_out(tmp_path / "none")


def test_the_shop_of_the_tests_gives_a_query_for_each_title_and_picture(shop):
    with Catalogue(shop, create=False) as catalogue:
        assert len(queries_of(catalogue, "title")) == len(rows())
        assert len(queries_of(catalogue, "picture")) == len(rows())
