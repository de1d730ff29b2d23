import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.encoder import Encoder
from encoder.variants import Variants
from eval.errors import EvalError, NothingToMeasure
from eval.gallery import load_gallery
from eval.labels import label_pictures, label_products, label_vectors


@pytest.fixture(scope="module")
def variant(shop):
    return Variants(shop).get("tiny")


@pytest.fixture(scope="module")
def encoder(variant):
    return Encoder.load(variant)


class Oracle:
    """Texts that lie where the pictures of the label's products lie."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode_texts(self, texts):
        return np.array([self.vectors[text] for text in texts], np.float32)


def test_a_picture_gets_every_label_the_nearest_first(shop, encoder):
    picture = str(next((shop / "source").glob("kettle-teal.png")))
    [told] = label_pictures(encoder, ["matte", "glossy", "red"], [picture]).values()
    assert set(told) == {"matte", "glossy", "red"}
    assert list(told.values()) == sorted(told.values(), reverse=True)


def test_the_prompt_holds_the_label(encoder):
    [bare] = label_vectors(encoder, ["matte"], "{label}")
    [prompted] = label_vectors(encoder, ["matte"], "a {label} lipstick")
    assert bare == pytest.approx(encoder.encode_texts(["matte"])[0])
    assert prompted == pytest.approx(encoder.encode_texts(["a matte lipstick"])[0])
    with pytest.raises(EvalError, match=r"no \{label\}"):
        label_vectors(encoder, ["matte"], "a lipstick")


def test_accuracy_counts_what_was_told_right(shop, variant, catalogue):
    gallery = load_gallery(shop, catalogue, variant)
    names = [gallery.ids[row] for row in gallery.rows["image"]]
    rows = dict(zip(names, gallery.vectors["image"], strict=True))
    oracle = Oracle({"Acme": rows["kettle-teal"], "Zenith": rows["kettle-crimson"]})
    told = label_products(shop, catalogue, variant, oracle, "brand")
    assert told.labels == ("Acme", "Zenith")
    assert told.products == 12
    right = sum(each.right for each in told.told.values())
    assert told.accuracy.value == pytest.approx(right / 12)
    assert told.guess == 0.5
    expected = sum(
        (vector @ rows["kettle-teal"] > vector @ rows["kettle-crimson"])
        == (gallery.payloads[gallery.place[name]]["brand"] == "Acme")
        for name, vector in rows.items()
    )
    assert right == expected
    for each in told.told.values():
        assert bool(each.taken_for) == (each.right < each.products)


def test_products_left_out_are_counted(shop, variant, encoder, catalogue):
    told = label_products(
        shop, catalogue, variant, encoder, "category", ["Beauty", "Shoes", "Beauty"]
    )
    assert told.labels == ("Beauty", "Shoes")
    assert (told.products, told.without_picture, told.other) == (6, 1, 6)
    assert told.told["Shoes"].products == 0


def test_what_cannot_be_labelled_is_told(shop, variant, encoder, catalogue, tmp_path):
    with pytest.raises(EvalError, match="field “finish”; there are category, brand"):
        label_products(shop, catalogue, variant, encoder, "finish")
    with pytest.raises(EvalError, match="only the label “Beauty”"):
        label_products(shop, catalogue, variant, encoder, "category", ["Beauty"])
    with pytest.raises(NothingToMeasure, match="has a picture that is embedded"):
        label_products(shop, catalogue, variant, encoder, "category", ["Shoes", "Hats"])
    with pytest.raises(EvalError, match=r"none\.jpg"):
        label_pictures(encoder, ["a", "b"], [str(tmp_path / "none.jpg")])


def test_a_field_of_very_many_values_is_no_list_of_labels(tmp_path, variant, encoder):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(
            Product(id=str(number), title="x", brand=f"brand {number}") for number in range(101)
        )
        with pytest.raises(EvalError, match="101 values"):
            label_products(tmp_path, catalogue, variant, encoder, "brand")
