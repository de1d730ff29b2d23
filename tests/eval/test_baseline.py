import numpy as np
import pytest

from eval.baseline import INDEXES, BaselineStore
from qdrant.model import Filters
from qdrant.store import open_store
from tests.shop import build

FILTERS = [
    Filters(),
    Filters(categories=("Beauty",)),
    Filters(categories=("Beauty", "Appliances")),
    Filters(has_picture=True),
    Filters(has_picture=False),
    Filters(categories=("Beauty",), has_picture=False),
    Filters(categories=("nothing",)),
]


@pytest.fixture(scope="module")
def queries(store):
    points = store.retrieve("tiny", ["kettle-teal", "lipstick-navy", "plain"], vectors=True)
    return np.stack([point.vectors["text"] for point in points.values()])


@pytest.mark.parametrize("by_category", [False, True])
@pytest.mark.parametrize("engine", INDEXES)
@pytest.mark.parametrize("vector", ["text", "image", "fused"])
def test_every_engine_finds_what_qdrant_finds(store, queries, engine, vector, by_category):
    baseline = BaselineStore(store, "tiny", engine, by_category=by_category)
    for filters in FILTERS:
        found = baseline.search("tiny", queries, vector=vector, k=20, filters=filters)
        expected = store.search("tiny", queries, vector=vector, k=20, filters=filters, exact=True)
        for ours, theirs in zip(found, expected, strict=True):
            assert {hit.id for hit in ours} == {hit.id for hit in theirs}
            scores = [hit.score for hit in theirs]
            assert [hit.score for hit in ours] == pytest.approx(scores, abs=1e-5)
            assert all(hit.payload["title"] for hit in ours)


def test_the_collection_its_counts_and_its_facets_are_those_of_the_store(store):
    baseline = BaselineStore(store, "tiny", "exact")
    assert baseline.collection("tiny") == store.collection("tiny")
    for filters in FILTERS:
        assert baseline.count("tiny", filters) == store.count("tiny", filters)
        assert baseline.facet("tiny", "brand", filters) == store.facet("tiny", "brand", filters)


def test_a_filter_that_no_evaluation_uses_is_refused(store, queries):
    baseline = BaselineStore(store, "tiny", "exact")
    with pytest.raises(ValueError, match="category and picture only"):
        baseline.search("tiny", queries, vector="text", k=5, filters=Filters(price_min=1))


@pytest.mark.parametrize("engine", INDEXES)
def test_a_collection_without_pictures_is_found_by_text_alone(tmp_path, tiny_clip, engine):
    words = [{"id": name, "title": name, "category": "Words"} for name in ("one", "two")]
    build(tmp_path, tiny_clip, words)
    with open_store(tmp_path) as store:
        baseline = BaselineStore(store, "tiny", engine)
        query = np.ones((2, store.collection("tiny").dim), np.float32)
        assert baseline.search("tiny", query, vector="image", k=3) == [[], []]
        assert [len(hits) for hits in baseline.search("tiny", query, vector="text", k=3)] == [2, 2]
