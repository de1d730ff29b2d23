import itertools
import math

import numpy as np
import pytest

from encoder.variants import Variants
from encoder.vectors import fuse
from qdrant.model import Filters
from qdrant.store import open_store
from search.engine import Engine
from search.query import MAX_TEXT, Query, QueryError, SearchError
from tests import shop
from tests.search.conftest import TWINS


def ids(results):
    return [result.id for result in results]


def test_a_products_own_picture_finds_it_first(engine):
    found = engine.search(Query(picture=shop.draw("kettle-teal"), vector="image")).results
    assert found[0].id == "kettle-teal"
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert found[0].product["title"] == "teal kettle"


def test_a_products_own_text_finds_it_first(engine):
    text = "coral lipstick. A lipstick in coral."
    found = engine.search(Query(text, vector="text")).results
    assert (found[0].id, found[0].rank, found[0].vector) == ("lipstick-coral", 1, "text")
    assert found[0].score == pytest.approx(1, abs=1e-5)


def test_text_and_picture_are_fused_by_the_weight_of_the_text(engine):
    picture = shop.draw("kettle-navy")
    text = engine.encoder.encode_texts(["ivory lipstick"])
    image = engine.encoder.encode_images([picture])
    beauty = Filters(categories=("Beauty",))  # no equal scores here
    for weight in (0.0, 0.3, 1.0):
        vector = fuse(text, image, weight)
        expected = engine.store.search("tiny", vector, k=3, filters=beauty, exact=True)[0]
        query = Query(
            "ivory lipstick", picture, filters=beauty, k=3, weight=weight, match="vectors"
        )
        found = engine.search(query).results
        assert ids(found) == ids(expected)
        np.testing.assert_allclose([r.score for r in found], [h.score for h in expected], atol=1e-5)


def test_equal_scores_are_ordered_by_id_even_where_the_cut_falls_among_them(engine):
    query = Query(picture=shop.draw("twin-a"), vector="image", k=3, fold=False)
    assert ids(engine.search(query).results) == ["twin-a", "twin-b", "twin-c"]


def test_a_tie_longer_than_the_slack_is_cut_by_id_too(engine, monkeypatch):
    monkeypatch.setattr("qdrant.ranking.SLACK", 1)
    query = Query(picture=shop.draw("twin-a"), vector="image", k=2, fold=False)
    assert ids(engine.search(query).results) == ["twin-a", "twin-b"]


def test_products_without_a_picture_are_a_group_of_their_own(engine):
    found = engine.search(Query("crimson lipstick 7", k=20, match="vectors"))
    assert not {"bare-a", "bare-b"} & set(ids(found.results))
    assert set(ids(found.without_picture)) == {"bare-a", "bare-b"}
    assert {result.vector for result in found.without_picture} == {"text"}


def test_a_search_by_the_text_vector_has_one_group(engine):
    found = engine.search(Query("crimson lipstick", vector="text", k=25))
    assert found.without_picture == ()
    assert {"bare-a", "bare-b"} <= set(ids(found.results))


def test_every_result_passes_the_filters(engine):
    filters = Filters(categories=("Appliances",), brands=("Acme",), price_min=80, price_max=100)
    found = engine.search(Query("anything", filters=filters)).results
    assert found
    assert all(
        (r.product["category"], r.product["brand"]) == ("Appliances", "Acme")
        and 80 <= r.product["price"] <= 100
        for r in found
    )


def test_a_filter_that_nothing_passes_gives_nothing(engine):
    found = engine.search(Query("anything", filters=Filters(price_min=10_000)))
    assert (found.results, found.without_picture) == ((), ())


def test_facets_leave_their_own_filter_out(engine):
    facets = engine.facets(Filters(categories=("Beauty",), brands=("Acme",)))
    assert facets.brands == {"Acme": 3, "Zenith": 3}
    assert [(each.path, each.count) for each in facets.categories] == [
        ("Appliances", 3),
        ("Beauty", 3),
    ]
    assert facets.products == 3


def test_products_like_one_are_the_nearest_without_itself(engine):
    found = engine.search(Query(like="twin-c", k=7, vector="image", fold=False)).results
    assert ids(found) == sorted(set(TWINS) - {"twin-c"})


def test_a_product_without_a_picture_is_compared_by_its_text(engine):
    found = engine.search(Query(like="bare-a", k=1)).results
    assert (found[0].id, found[0].vector) == ("bare-b", "text")


def test_a_batch_finds_what_each_query_alone_finds(engine):
    queries = [
        Query("coral kettle", k=4),
        Query(picture=shop.draw("lipstick-olive"), k=4),
        Query("teal", shop.draw("kettle-coral"), k=4),
        Query("navy", filters=Filters(categories=("Beauty",)), k=2),
    ]
    together = [ids(found.results) for found in engine.search_batch(queries)]
    assert together == [ids(engine.search(query).results) for query in queries]


def test_loading_the_model_is_no_time_of_encoding(engine, monkeypatch):
    clock = itertools.count()  # a second passes between two looks at it
    monkeypatch.setattr("search.embedding.perf_counter", lambda: next(clock))

    def load():
        for _ in range(30):
            next(clock)
        return engine.encoder

    fresh = Engine(engine.variant, engine.store, load)
    like = fresh.search(Query(like="kettle-teal"))
    first, second = fresh.search(Query("coral")), fresh.search(Query("coral"))
    assert (like.load_seconds, like.encode_seconds) == (0, 0)
    assert (first.load_seconds, first.encode_seconds) == (31, 1)
    assert (second.load_seconds, second.encode_seconds) == (1, 1)


def test_an_unknown_category_is_reported_with_those_there_are(engine):
    with pytest.raises(
        QueryError, match=r"the category “Toys”\. There are Appliances, Twins|Beauty"
    ):
        engine.search(Query("doll", filters=Filters(categories=("Toys",))))


def test_a_brand_among_more_than_ten_thousand_is_known(many_brands):
    costly = Filters(brands=("brand 9999",), price_min=1)
    assert many_brands.search(Query("anything", vector="text", filters=costly)).results == ()
    gone = Filters(brands=("brand 11000",))
    with pytest.raises(QueryError, match=r"the brand “brand 11000”\. There are brand 0, .* others"):
        many_brands.search(Query("anything", vector="text", filters=gone))


def test_an_unknown_product_is_reported(engine):
    with pytest.raises(QueryError, match="no product with the id “gone”"):
        engine.search(Query(like="gone"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "nothing to search for"),
        ({"text": " \t\n"}, "nothing to search for"),
        ({"text": "a", "like": "twin-a"}, "neither words nor a picture"),
        ({"text": "a", "k": 0}, "k is 0"),
        ({"text": "a", "k": 1001}, "k is 1001"),
        ({"text": "a", "vector": "title"}, "no vector “title”"),
        ({"text": "a", "weight": 1.5}, "between 0 and 1"),
        ({"text": "a" * 100_000}, f"100,000 characters; at most {MAX_TEXT:,}"),
        ({"text": "a", "filters": Filters(price_min=5, price_max=4)}, "lowest price, 5"),
        ({"text": "a", "filters": Filters(price_max=math.inf)}, "inf bounds no price or rating"),
        ({"text": "a", "filters": Filters(rating_min=math.nan)}, "nan bounds no price or rating"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(arguments, sentence):
    with pytest.raises(QueryError, match=sentence):
        Query(**arguments)


def test_a_collection_of_another_state_of_the_variant_is_refused(home, tiny_clip, tmp_path):
    other = Variants(tmp_path).add("tiny", tiny_clip, template="title")
    with (
        open_store(home) as store,
        pytest.raises(SearchError, match="ingest vectors --variant"),
    ):
        Engine(other, store)


def test_one_product_by_its_id(engine):
    assert engine.product("kettle-teal")["title"] == "teal kettle"
    assert engine.product("gone") is None


def test_browsing_shows_varied_products_the_same_every_time(engine):
    shown = ids(engine.browse(Filters(), 8))
    assert shown == ids(engine.browse(Filters(), 8))
    assert len(set(shown)) == 8
    assert {"kettle", "lipstick"} <= {product_id.partition("-")[0] for product_id in shown}


def test_browsing_respects_the_filters(engine):
    cheap = Filters(categories=("Beauty",), price_max=30)
    assert set(ids(engine.browse(cheap, 8))) == {
        "lipstick-crimson",
        "lipstick-teal",
        "lipstick-olive",
    }
    assert engine.browse(Filters(price_min=1e6), 8) == ()


def test_products_without_pictures_are_browsed_where_there_are_no_others(engine):
    assert set(ids(engine.browse(Filters(has_picture=False), 8))) == {"bare-a", "bare-b"}
