"""Products whose scores are equal: their order, however deep a page is."""

import operator
import random

import numpy as np
import pytest

from encoder.variants import Variants
from qdrant.model import Filters, Point, Spec
from qdrant.ranking import TOLERANCE, ties
from qdrant.store import open_store
from qdrant.word_settings import WordSettings
from qdrant.words import Words
from search.embedding import QueryVectors
from search.engine import Engine
from search.query import Query

# All products of the first category are equal. Those of the second have seven vectors and three
# texts, so that ties span the levels of a search.
EQUAL, VARIED = "Equal", "Varied"
PRODUCTS = 1_200  # of each
SETTINGS = WordSettings("en")
TEXTS = ("grey kettle", "grey kettle with a cord", "grey kettle with a cord and a lid")
PAGE = 125
MATCHES = pytest.mark.parametrize("match", ["hybrid", "words", "vectors"])


@pytest.fixture(scope="module")
def engine(tmp_path_factory, tiny_clip):
    folder = tmp_path_factory.mktemp("ties")
    variant = Variants(folder).add("tiny", tiny_clip)
    words = Words.of(SETTINGS)

    def point(number):
        category = EQUAL if number < PRODUCTS else VARIED
        kind = 0 if category == EQUAL else number
        vector = np.zeros(variant.dim, np.float32)
        vector[:2] = np.cos(kind % 7 / 10), np.sin(kind % 7 / 10)
        text = TEXTS[kind % 3]
        payload = {"title": f"{text} {number}", "category": category}
        vectors = {"text": vector, "fused": vector}
        return Point(f"p{number:04}", payload, vectors, {"words": words.document(text)})

    numbers = random.Random(0).sample(range(2 * PRODUCTS), 2 * PRODUCTS)
    spec = Spec("tiny", variant.fingerprint, variant.dim, words=SETTINGS)
    with open_store(folder) as store:
        store.build(spec, map(point, numbers))
        yield Engine(variant, store)


def page(engine, match, category, offset, k=PAGE):
    vector = np.zeros(engine.variant.dim, np.float32)
    vector[0] = 1
    query = Query(
        "kettle",
        filters=Filters(categories=(category,)),
        match=match,
        vector="text" if match == "vectors" else "",
        fold=False,
        offset=offset,
        k=k,
    )
    [found] = engine.search_batch([query], {0: QueryVectors(vector, None)})
    return found.results


def ids(results):
    return [each.id for each in results]


@MATCHES
def test_products_that_are_all_equal_are_in_the_order_of_their_ids_on_every_page(engine, match):
    pages = [page(engine, match, EQUAL, start) for start in range(0, 1_000, PAGE)]
    shown = [product for results in pages for product in ids(results)]
    assert shown == [f"p{number:04}" for number in range(1_000)]
    assert ids(page(engine, match, EQUAL, 993, 7)) == shown[993:]


@MATCHES
def test_results_are_ordered_by_score_and_then_by_id_at_every_depth(engine, match):
    pages = [page(engine, match, VARIED, start) for start in range(0, 1_000, PAGE)]
    shown = [each for results in pages for each in results]
    assert len(set(ids(shown))) == len(shown) == 1_000
    scores = [each.score for each in shown]
    assert all(map(operator.ge, scores, (score - TOLERANCE for score in scores[1:])))
    for start, end in ties(scores):
        assert ids(shown[start:end]) == sorted(ids(shown[start:end]))
    assert ids(page(engine, match, VARIED, 0, 1_000)) == ids(shown)
