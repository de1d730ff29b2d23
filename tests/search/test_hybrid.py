"""Searches by words, and by words and vectors together."""

import json
from dataclasses import replace

import pytest

from qdrant.model import NO_FILTERS, Filters, Point, Spec
from qdrant.store import open_store
from search.embedding import encode
from search.engine import Engine
from search.exact import put_exact_first
from search.fusion import Candidate
from search.query import Query, QueryError
from search.settings import SearchSettings
from tests import shop


def ids(found):
    return [result.id for result in found.results]


def search(engine, text, *, match="hybrid", filters=NO_FILTERS, k=10, picture=None):
    return engine.search(Query(text, picture, filters, k, match=match))


def weighted(engine, **weights):
    """An engine whose hybrid search has these weights."""
    settings = SearchSettings(weights=weights)
    return Engine(engine.variant, engine.store, lambda: engine.encoder, settings)


def test_words_find_the_products_that_have_them(engine):
    found = search(engine, "olive kettles", match="words", k=1)
    assert ids(found) == ["kettle-olive"]
    assert found.results[0].vector == "words"
    assert found.results[0].parts["words"].rank == 1


def test_words_find_a_brand_whatever_the_model_makes_of_it(engine):
    found = search(engine, "zenith", match="words", k=20)
    assert {result.product["brand"] for result in found.results} == {"Zenith"}
    assert len(found.results) == 6


@pytest.mark.parametrize("text", ["kettle-olive", "KETTLE OLIVE", "kettleolive"])
@pytest.mark.parametrize("match", ["hybrid", "words"])
def test_a_typed_product_id_is_first_with_and_without_hyphens_and_case(engine, text, match):
    found = search(engine, text, match=match)
    assert found.results[0].id == "kettle-olive"
    assert found.results[0].parts["code"].rank == 1
    assert [result.rank for result in found.results] == list(range(1, len(found.results) + 1))


@pytest.mark.parametrize("fold", [True, False])
def test_a_typed_title_is_first_whatever_resembles_it_more(engine, fold):
    settings = SearchSettings(weights={"fused": 1.0})
    by_pictures = Engine(engine.variant, engine.store, lambda: engine.encoder, settings)
    for title in ("Ivory  KETTLE", "olive lipstick"):
        best = by_pictures.search(Query(title, fold=fold, k=3)).results[0]
        assert best.product["title"] == " ".join(title.lower().split())
        assert best.parts["title"].rank == 1
    exact = engine.search(Query("crimson lipstick b", k=20)).results
    assert "title" in exact[0].parts
    assert not any("title" in result.parts for result in exact[1:])


def test_a_typed_brand_comes_before_products_with_its_name_in_their_titles():
    found = [
        Candidate("1", 0.9, {}, {"title": "acme sport mug", "brand": "Acme Sport"}),
        Candidate("2", 0.8, {}, {"title": "cup", "brand": "Ácme"}),
        Candidate("3", 0.7, {}, {"title": "A.C.M.E", "brand": "Zenith"}),
        Candidate("4", 0.6, {}, {"title": "bowl"}),
    ]
    ordered = list(put_exact_first(Query("acme"), (), found))
    assert [(each.id, each.score) for each in ordered] == [
        *[("3", 1.0), ("2", 0.9), ("1", 0.9), ("4", 0.6)]
    ]
    assert [each.parts.keys() for each in ordered[:3]] == [{"title"}, {"brand"}, set()]
    assert list(put_exact_first(Query("—"), (), found)) == found


def test_words_alone_load_no_model(engine):
    def fail():
        raise AssertionError("a model was loaded")

    words_alone = Engine(engine.variant, engine.store, fail)
    assert search(words_alone, "olive kettle", match="words").results


def test_a_search_by_words_is_by_words_alone_even_where_the_vectors_are_known(engine):
    query = Query("olive kettle", match="words")
    known = encode([replace(query, match="vectors")], engine.encoder)
    [found] = engine.search_batch([query], known)
    assert ids(found) == ids(engine.search(query))
    assert all(result.parts.keys() <= {"words", "title"} for result in found.results)


def test_each_result_of_a_hybrid_search_has_its_place_in_every_part(engine):
    found = engine.search(Query("navy lipstick", k=30, fold=False))
    best = found.results[0]
    assert best.id == "lipstick-navy"
    assert best.parts.keys() == {"words", "text", "fused", "title"}
    by_text = engine.search(Query("navy lipstick", vector="text", k=30, fold=False)).results
    cosines = {result.id: result.score for result in by_text}
    for result in found.results:
        part = result.parts["text"]
        assert part.score == pytest.approx(cosines[result.id], abs=1e-5)
        # Of equal scores any may be before the other.
        assert part.score == pytest.approx(by_text[part.rank - 1].score, abs=1e-5)


def test_a_product_without_a_picture_is_ranked_among_the_others(engine):
    found = search(engine, "crimson lipstick b", k=20)
    assert found.without_picture == ()
    assert {"bare-a", "bare-b"} <= set(ids(found))


def test_the_weights_decide_which_part_counts(engine):
    only_words = weighted(engine, words=1.0)
    by_words = search(engine, "olive kettle", match="words")
    assert ids(search(only_words, "olive kettle")) == ids(by_words)


def test_a_picture_beside_the_text_is_compared_with_pictures(engine):
    by_image = weighted(engine, image=1.0)
    found = search(by_image, "kettle", picture=shop.draw("lipstick-teal"), k=1)
    assert ids(found) == ["lipstick-teal"]


def test_a_picture_alone_is_matched_by_its_vector(engine):
    found = engine.search(Query(picture=shop.draw("kettle-teal"), vector="image", match="hybrid"))
    assert (found.results[0].id, found.results[0].vector) == ("kettle-teal", "image")


@pytest.mark.parametrize("match", ["hybrid", "words"])
def test_filters_hold_in_every_part(engine, match):
    filters = Filters(categories=("Appliances",), price_max=90)
    found = search(engine, "crimson kettle", match=match, filters=filters, k=20)
    assert found.results
    assert all(result.product["category"] == "Appliances" for result in found.results)
    assert not search(engine, "kettle-olive", match=match, filters=Filters(price_min=10**6)).results


def test_a_category_that_no_product_has_is_reported(engine):
    with pytest.raises(QueryError, match="No product has the category “Toys”"):
        search(engine, "kettle", match="words", filters=Filters(categories=("Toys",)))


def test_words_that_no_product_has_find_nothing_by_words_and_vectors_answer_beside_them(engine):
    assert ids(search(engine, "qqqqzzzz", match="words")) == []
    assert len(ids(search(engine, "qqqqzzzz"))) == 10


def test_a_batch_of_mixed_matches_finds_what_each_query_finds_alone(engine):
    queries = [
        Query("coral kettle", k=4, match="hybrid"),
        Query("coral kettle", k=4),
        Query(like="kettle-coral", k=3),
        Query("olive", k=2, match="words"),
    ]
    together = [ids(found) for found in engine.search_batch(queries)]
    assert together == [ids(engine.search(query)) for query in queries]


def test_a_collection_without_words_is_searched_by_vectors(engine, tmp_path):
    variant = engine.variant
    vector = engine.encoder.encode_texts(["kettle"])[0]
    with open_store(tmp_path) as store:
        spec = Spec(variant.name, variant.fingerprint, variant.dim, vectors=("text",))
        store.build(spec, [Point("a", {"title": "kettle"}, {"text": vector})])
        earlier = Engine(variant, store, lambda: engine.encoder)
        found = earlier.search(Query("kettle", vector="text", match="words"))
        assert earlier.search(Query("kettle", match="vectors")).notice == ""
    assert (ids(found), found.results[0].vector) == (["a"], "text")
    assert "searched by vectors. `vitrine ingest vectors --variant tiny` adds" in found.notice


def test_a_match_that_does_not_exist_is_refused():
    with pytest.raises(QueryError, match="no match “fuzzy”; a text is matched by hybrid, words"):
        Query("kettle", match="fuzzy")


def test_the_command_line_explains_the_parts(search_command):
    shown = search_command("olive kettle", "--match", "hybrid", "--explain", "--k", "1")
    assert "words 1 (" in shown.stdout
    found = json.loads(search_command("olive kettle", "--match", "words", "--json").stdout)
    assert found["query"]["match"] == "words"
    assert found["results"][0]["parts"]["words"]["rank"] == 1
