from dataclasses import replace

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.encoder import Encoder
from encoder.variant import Variant
from encoder.variants import Variants
from eval import EvalError
from eval.labels import label_pictures, label_products, label_vectors
from search.query import SearchError


@pytest.fixture(scope="module")
def variant(shop):
    return Variants(shop).get("tiny")


@pytest.fixture(scope="module")
def encoder(variant):
    return Encoder.load(variant)


class Oracle:
    """Gives each label the vector of a chosen picture."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode_texts(self, texts):
        return np.array([self.vectors[text] for text in texts], np.float32)


def test_a_picture_gets_every_label_the_nearest_first(shop, encoder):
    picture = str(next((shop / "source").glob("kettle-teal.png")))
    labelled, failed = label_pictures(encoder, ["matte", "glossy", "red"], [picture])
    assert failed == {}
    [cosines] = labelled.values()
    assert set(cosines) == {"matte", "glossy", "red"}
    assert list(cosines.values()) == sorted(cosines.values(), reverse=True)


def test_a_picture_that_cannot_be_read_is_named_and_the_others_are_labelled(
    shop, encoder, tmp_path
):
    picture, lost = str(shop / "source" / "kettle-teal.png"), str(tmp_path / "none.jpg")
    labelled, failed = label_pictures(encoder, ["matte", "glossy"], [lost, picture])
    assert list(labelled) == [picture]
    assert list(failed) == [lost]
    assert "There is no file" in failed[lost]


def test_the_prompt_holds_the_label(encoder):
    [bare] = label_vectors(encoder, ["matte"], "{label}")
    [prompted] = label_vectors(encoder, ["matte"], "a {label} lipstick")
    assert bare == pytest.approx(encoder.encode_texts(["matte"])[0])
    assert prompted == pytest.approx(encoder.encode_texts(["a matte lipstick"])[0])
    with pytest.raises(EvalError, match=r"no \{label\}"):
        label_vectors(encoder, ["matte"], "a lipstick")


def test_accuracy_is_the_share_labelled_correctly(store, variant, catalogue):
    points = {point.id: point for point in store.scroll("tiny", vectors=True)}
    images = {
        name: point.vectors["image"] for name, point in points.items() if "image" in point.vectors
    }
    oracle = Oracle({"Acme": images["kettle-teal"], "Zenith": images["kettle-crimson"]})
    results = label_products(store, catalogue, variant, oracle, "brand")
    assert results.labels == ("Acme", "Zenith")
    assert results.products == 12
    right = sum(each.correct for each in results.by_label.values())
    assert results.accuracy.value == pytest.approx(right / 12)
    assert results.majority == 0.5
    expected = sum(
        (vector @ images["kettle-teal"] > vector @ images["kettle-crimson"])
        == (points[name].payload["brand"] == "Acme")
        for name, vector in images.items()
    )
    assert right == expected
    for each in results.by_label.values():
        assert bool(each.taken_for) == (each.correct < each.products)


def test_products_of_one_group_are_one_cluster_of_the_accuracy(tmp_path, store, variant, encoder):
    products = [
        Product(id=point.id, title=point.id, brand=point.payload["brand"], parent=category)
        for point in store.scroll("tiny")
        if (category := point.payload["category"]) and "brand" in point.payload
    ]
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products)
        accuracy = label_products(store, catalogue, variant, encoder, "brand").accuracy
    assert (accuracy.n, accuracy.clusters) == (12, 2)


def test_products_left_out_are_counted(store, variant, encoder, catalogue):
    results = label_products(
        store, catalogue, variant, encoder, "category", ["Beauty", "Shoes", "Beauty"]
    )
    assert results.labels == ("Beauty", "Shoes")
    assert (results.products, results.without_picture, results.other) == (6, 1, 6)
    assert results.by_label["Shoes"].products == 0


def test_what_cannot_be_labelled_is_refused(store, variant, encoder, catalogue, tmp_path):
    with pytest.raises(EvalError, match="field “finish”; there are category, brand"):
        label_products(store, catalogue, variant, encoder, "finish")
    with pytest.raises(EvalError, match="only the label “Beauty”"):
        label_products(store, catalogue, variant, encoder, "category", ["Beauty"])
    with pytest.raises(EvalError, match="has a picture that is embedded"):
        label_products(store, catalogue, variant, encoder, "category", ["Shoes", "Hats"])
    with pytest.raises(EvalError, match=r"none\.jpg"):
        label_pictures(encoder, ["a", "b"], [str(tmp_path / "none.jpg")])


def test_a_collection_of_another_state_of_the_variant_is_refused(store, shop, encoder, catalogue):
    other = Variants(shop).get("other")
    changed = Variant(replace(other.manifest, name="tiny"), other.folder)
    with pytest.raises(SearchError, match="built with fingerprint"):
        label_products(store, catalogue, changed, encoder, "brand")


def test_a_field_of_very_many_values_is_no_list_of_labels(tmp_path, store, variant, encoder):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(
            Product(id=str(number), title="x", brand=f"brand {number}") for number in range(101)
        )
        with pytest.raises(EvalError, match="101 values"):
            label_products(store, catalogue, variant, encoder, "brand")
