"""Vectors of texts that were searched for before."""

from types import SimpleNamespace

import numpy as np
import pytest

from encoder.variants import Variants
from ingest.vectors import embed_products
from search.engine import Engine
from search.query import Query
from search.shop import open_shop
from search.text_vectors import OBJECT_BYTES, TextVectorCache, encode_texts
from tests.tiny_clip import build_tiny_clip


class LengthEncoder:
    """Encodes a text as its length."""

    def __init__(self, text_model=None):
        self.variant = SimpleNamespace(manifest=SimpleNamespace(text_model=text_model))

    def encode_texts(self, texts):
        return np.array([[len(text), 0] for text in texts], np.float32)

    def encode_queries(self, texts):
        return np.array([[0, len(text), 0] for text in texts], np.float32)


def test_a_text_that_was_searched_for_before_is_not_encoded_again(engine):
    fresh = Engine(engine.variant, engine.store, lambda: engine.encoder)
    first, second = fresh.search(Query("coral kettle")), fresh.search(Query("coral kettle"))
    assert (first.encoded_texts, first.cached_texts) == (1, 0)
    assert (second.encoded_texts, second.cached_texts) == (0, 1)
    assert second.results == first.results


def test_texts_of_a_batch_and_terms_to_avoid_are_counted_with_their_query(engine):
    fresh = Engine(engine.variant, engine.store, lambda: engine.encoder)
    fresh.search(Query("navy"))
    found = fresh.search_batch(
        [
            Query("kettle", without=("navy", "teal")),
            Query("kettle", match="words"),
            Query("navy"),
            Query(like="kettle-teal"),
        ]
    )
    assert [(each.encoded_texts, each.cached_texts) for each in found] == [
        (2, 1),
        (0, 0),
        (0, 1),
        (0, 0),
    ]


def test_a_variant_that_was_added_again_with_another_model_has_its_own_vectors(home_copy, tmp_path):
    query = Query("coral kettle", vector="text")
    other = build_tiny_clip(tmp_path / "other", seed=1)
    with open_shop(home_copy) as shop:
        shop.engine("tiny").search(query)
        Variants(home_copy).add("tiny", other, force=True)
        embed_products(home_copy, "tiny")
        found = shop.engine("tiny").search(query)
    with open_shop(home_copy) as shop:
        assert shop.engine("tiny").search(query).results == found.results
    assert (found.encoded_texts, found.cached_texts) == (1, 0)


@pytest.mark.parametrize("text_model", [None, "a model"])
def test_the_texts_used_last_are_kept_up_to_a_number_of_bytes(text_model):
    encoder = LengthEncoder(text_model)
    texts = ["a", "b", "c"]
    size = encode_texts(texts, encoder)["a"].bytes
    assert size > OBJECT_BYTES
    cache = TextVectorCache(3 * size)
    cache.keep(encode_texts(texts, encoder))
    cache.find(["a"])
    cache.keep(encode_texts(["d"], encoder))
    assert set(cache.find(["a", "b", "c", "d"])) == {"a", "c", "d"}
    kept = cache.find(["a"])["a"]
    assert (kept.words is None) == (text_model is None)
    assert kept.dual.base is None  # a view would keep the vectors of its whole batch in memory
