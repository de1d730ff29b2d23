from contextlib import closing

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.variants import Variants
from eval.errors import GalleryError
from eval.gallery import load_gallery
from eval.gallery_store import INDEXES, GalleryStore
from qdrant.model import Filters
from qdrant.store import open_store
from tests.shop import build

FILTERS = [
    Filters(),
    Filters(categories=("Beauty",)),
    Filters(categories=("Beauty",), brands=("Acme", "Zenith")),
    Filters(price_min=30, price_max=70),
    Filters(rating_min=4),
    Filters(has_picture=True),
    Filters(has_picture=False),
    Filters(ids=("lipstick-teal", "plain", "nobody"), exclude=("plain",)),
    Filters(categories=("nothing",)),
]


@pytest.fixture(scope="module")
def variant(shop):
    return Variants(shop).get("tiny")


@pytest.fixture(scope="module")
def gallery(shop, variant):
    with Catalogue(shop, create=False) as catalogue:
        return load_gallery(shop, catalogue, variant)


@pytest.fixture(scope="module")
def store(shop):
    with closing(open_store(shop)) as opened:
        yield opened


def test_the_gallery_holds_the_very_vectors_of_the_collection(store, gallery, variant):
    points = {point.id: point for point in store.scroll("tiny", vectors=True)}
    here = {point.id: point for point in GalleryStore(variant, gallery).scroll("t", vectors=True)}
    assert list(here) == list(points)
    assert gallery.ids == sorted(points)
    for name, point in points.items():
        assert set(here[name].vectors) == set(point.vectors)
        for vector, values in point.vectors.items():
            assert here[name].vectors[vector] == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize("filters", FILTERS)
def test_filters_let_through_what_qdrant_lets_through(store, gallery, variant, filters):
    here = GalleryStore(variant, gallery)
    assert here.count("tiny", filters) == store.count("tiny", filters)
    assert here.facet("tiny", "brand", filters) == store.facet("tiny", "brand", filters)


@pytest.mark.parametrize("by_category", [False, True])
@pytest.mark.parametrize("engine", INDEXES)
@pytest.mark.parametrize("vector", ["text", "image", "fused"])
def test_every_engine_finds_what_qdrant_finds(store, gallery, variant, engine, vector, by_category):
    queries = gallery.vectors["text"][:3]
    here = GalleryStore(variant, gallery, engine, by_category=by_category)
    for filters in FILTERS:
        found = here.search("tiny", queries, vector=vector, k=20, filters=filters)
        expected = store.search("tiny", queries, vector=vector, k=20, filters=filters, exact=True)
        for mine, theirs in zip(found, expected, strict=True):
            assert {hit.id for hit in mine} == {hit.id for hit in theirs}
            scores = [hit.score for hit in theirs]
            assert [hit.score for hit in mine] == pytest.approx(scores, abs=1e-5)
            assert all(hit.payload["title"] for hit in mine)


def test_an_unknown_category_finds_nothing_and_raises_nothing(gallery, variant):
    for engine in INDEXES:
        here = GalleryStore(variant, gallery, engine, by_category=True)
        filters = Filters(categories=("nothing",))
        assert here.search("tiny", gallery.vectors["text"][:1], filters=filters) == [[]]


def test_retrieving_leaves_out_what_is_not_there(gallery, variant):
    store = GalleryStore(variant, gallery)
    found = store.retrieve("tiny", ["plain", "nobody"], vectors=True)
    assert list(found) == ["plain"]
    assert set(found["plain"].vectors) == {"text"}


def test_a_gallery_that_is_not_embedded_or_empty_is_told(shop, tmp_path, variant):
    with Catalogue(tmp_path) as catalogue:
        with pytest.raises(GalleryError, match="catalogue is empty"):
            load_gallery(tmp_path, catalogue, variant)
        catalogue.upsert([Product(id="a", title="new")])
        with pytest.raises(GalleryError, match="ingest vectors --variant tiny"):
            load_gallery(tmp_path, catalogue, variant)


def test_a_gallery_without_pictures_has_text_alone(tmp_path, tiny_clip):
    words = [{"id": name, "title": name, "category": "Words"} for name in ("one", "two")]
    build(tmp_path, tiny_clip, words)
    with Catalogue(tmp_path, create=False) as catalogue:
        gallery = load_gallery(tmp_path, catalogue, Variants(tmp_path).get("tiny"))
    assert gallery.vectors["image"].shape == (0, gallery.vectors["text"].shape[1])
    store = GalleryStore(Variants(tmp_path).get("tiny"), gallery)
    query = np.ones((2, gallery.vectors["text"].shape[1]), np.float32)
    assert store.search("tiny", query, vector="image") == [[], []]
