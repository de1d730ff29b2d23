"""Sparse vectors, and vectors of several dimensions, on both engines."""

import math
from dataclasses import replace

import numpy as np
import pytest

from qdrant.errors import InvalidPoint, InvalidQuery, StoreError
from qdrant.model import Filters, Point, SparseVector, Spec, VectorQuery
from qdrant.server.generations import Stored
from qdrant.store import Store
from qdrant.word_settings import WordSettings
from tests.qdrant.contract.engines import engine
from tests.qdrant.shop import DIM, SPEC, ids, vectors

TEXT_DIM = 24
WORDS = replace(SPEC, dims={"text": TEXT_DIM}, words=WordSettings("en", 12.5))
# Terms of each product, each with a weight.
TERMS = {
    "kettle": {11: 1.0, 21: 0.5},
    "pan": {12: 1.0, 21: 0.5},
    "lid": {12: 0.4, 13: 2.0},
    "mug": {},
}


def terms(weights: dict[int, float]) -> SparseVector:
    return SparseVector(
        np.array(list(weights), np.uint32), np.array(list(weights.values()), np.float32)
    )


def products() -> list[Point]:
    texts, images = vectors(4, TEXT_DIM), vectors(4)
    return [
        Point(
            name,
            {"title": name, "price": float(place)},
            {"text": texts[place], "image": images[place]},
            {"words": terms(weights)} if weights else {},
        )
        for place, (name, weights) in enumerate(TERMS.items())
    ]


@pytest.fixture(params=["embedded", "memory", "http"])
def store(request: pytest.FixtureRequest, tmp_path):
    with engine(request.param, tmp_path) as opened:
        opened.build(WORDS, products())
        yield opened


def search(store: Store, weights: dict[int, float], **how):
    return store.search_batch("demo", [VectorQuery("words", terms(weights), **how)])[0]


def idf(products_with_term: int) -> float:
    """Qdrant's inverse document frequency of a term, among products that have the vector."""
    return math.log(1 + (3 - products_with_term + 0.5) / (products_with_term + 0.5))


def test_a_sparse_search_adds_up_the_terms_by_their_rarity(store: Store):
    found = search(store, {12: 1.0, 13: 1.0})
    assert ids(found) == ["lid", "pan"]
    assert found[0].score == pytest.approx(0.4 * idf(2) + 2.0 * idf(1), rel=1e-5)
    assert found[1].score == pytest.approx(idf(2), rel=1e-5)


def test_a_product_without_any_of_the_terms_is_not_found(store: Store):
    assert search(store, {99: 1.0}) == []


def test_filters_hold_for_sparse_searches_too(store: Store):
    assert ids(search(store, {12: 1.0}, filters=Filters(price_max=1.0))) == ["pan"]


def test_one_batch_mixes_sparse_and_dense_queries_of_different_dimensions(store: Store):
    texts, images = vectors(4, TEXT_DIM), vectors(4)
    found = store.search_batch(
        "demo",
        [
            VectorQuery("words", terms({11: 1.0}), 2),
            VectorQuery("text", texts[3], 1),
            VectorQuery("image", images[2], 1),
        ],
    )
    assert [ids(hits) for hits in found] == [["kettle"], ["mug"], ["lid"]]


def test_sparse_vectors_are_read_back_as_they_were_stored(store: Store):
    found = store.retrieve("demo", list(TERMS), vectors=True)
    for name, weights in TERMS.items():
        stored = found[name].sparse.get("words")
        read = dict(zip(stored.indices, stored.values, strict=True)) if stored else {}
        assert read == pytest.approx(weights)
        assert found[name].vectors["text"].shape == (TEXT_DIM,)
        assert found[name].vectors["image"].shape == (DIM,)


def test_an_update_changes_terms(store: Store):
    kettle = replace(products()[0], sparse={"words": terms({13: 1.0})})
    store.update(WORDS, [kettle], ["pan"])
    assert search(store, {11: 1.0}) == []
    assert ids(search(store, {13: 1.0})) == ["lid", "kettle"]


def test_the_description_of_a_collection_has_its_dimensions_and_sparse_vectors(store: Store):
    assert store.collection("demo").facts() == WORDS.facts()


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        (terms({}), "is empty"),
        (terms({1: math.nan}), "holds NaN or infinity"),
        (SparseVector(np.array([1, 1]), np.array([1.0, 2.0])), "has an index twice"),
        (SparseVector(np.array([1]), np.array([1.0, 2.0])), "another number of values"),
    ],
)
def test_a_sparse_vector_that_no_engine_can_store_or_search_is_refused(
    store: Store, vector: SparseVector, fault: str
):
    with pytest.raises(InvalidQuery, match=fault):
        store.search_batch("demo", [VectorQuery("words", vector)])
    with pytest.raises(InvalidPoint, match=fault):
        store.build(WORDS, [replace(products()[0], sparse={"words": vector})])


def test_a_vector_of_another_dimension_or_an_unknown_name_is_refused(store: Store):
    with pytest.raises(InvalidQuery, match=r"the vectors 'text' .* have 24 dimensions"):
        store.search("demo", vectors(1), vector="text")
    with pytest.raises(InvalidQuery, match="no vector 'terms'; it has image, text, fused, words"):
        store.search_batch("demo", [VectorQuery("terms", terms({1: 1.0}))])
    unknown = replace(products()[0], sparse={"terms": terms({1: 1.0})})
    with pytest.raises(InvalidPoint, match="sparse vector 'terms' is not one of words"):
        store.build(WORDS, [unknown])


def test_a_collection_without_words_is_not_updated_with_them(store: Store):
    with pytest.raises(StoreError, match="has words"):
        store.update(replace(WORDS, words=None), [])


def test_a_vector_without_dimensions_is_refused():
    with pytest.raises(StoreError, match="vectors of 0 dimensions"):
        Spec("demo", "0123456789abcdef", DIM, dims={"text": 0})


def test_a_generation_of_a_server_that_was_built_before_there_were_sparse_vectors_is_complete():
    written = SPEC.facts() | {"generation": "g", "points": 7, "created": "2026-01-01T00:00:00"}
    for added_since in ("dims", "words"):
        del written[added_since]
    collection = Stored("products_demo__g", written, None).collection
    assert collection
    assert (collection.points, collection.dims, collection.words) == (7, {}, None)
    del written["points"]
    assert Stored("products_demo__g", written, None).collection is None
