"""Image vectors, which the variants of one model share."""

import numpy as np

from encoder.variants import Variants
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.store import open_store
from tests.ingest.stored import points
from tests.tiny_clip import build_tiny_clip


def test_a_second_template_of_a_model_encodes_no_picture(home, tiny_clip):
    Variants(home).add("second", tiny_clip, template="title")
    figures = embed_products(home, "second")
    assert (figures["encoded"], figures["reused"], figures["points"]) == (12, 12, 12)
    with open_store(home) as store:
        second = {point.id: point for point in store.scroll("second", vectors=True)}
    for name, point in points(home).items():
        np.testing.assert_array_equal(second[name].vectors["image"], point.vectors["image"])
    assert verify_collection(home, "second")["faults"] == {}


def test_a_replaced_variant_leaves_its_image_vectors_to_its_successor(home, tiny_clip):
    Variants(home).add("tiny", tiny_clip, template="title", force=True)
    assert embed_products(home, "tiny")["encoded"] == 12


def test_vector_files_from_before_image_vectors_were_shared_are_shared(home, tiny_clip):
    [label] = (home / "vectors").glob("*/images")
    label.unlink()
    Variants(home).add("second", tiny_clip, template="title")
    assert embed_products(home, "second")["encoded"] == 12


def test_another_model_and_unreadable_vector_files_share_nothing(home, tmp_path, tiny_clip):
    other = build_tiny_clip(tmp_path / "other", seed=1)
    Variants(home).add("other", other)
    assert embed_products(home, "other")["encoded"] == 24
    variant = Variants(home).get("tiny")
    for part in (home / "vectors" / variant.fingerprint).glob("*.part"):
        part.write_bytes(bytes(part.stat().st_size))
    Variants(home).add("second", tiny_clip, template="title")
    assert embed_products(home, "second")["encoded"] == 24
