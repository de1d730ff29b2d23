from itertools import combinations

import numpy as np
import pytest

from encoder.vectors import normalize
from eval.diagnostics import (
    diagnose,
    mean_cosine,
    occurrences,
    sample,
    sample_scores,
    skewness,
)
from eval.indexes import Matrices
from qdrant.model import Point


def matrices(text, image, owners=None):
    rows = np.arange(len(image)) if owners is None else np.array(owners)
    ids = [f"p{number}" for number in range(len(text))]
    vectors = {"text": text, "image": image, "fused": image}
    return Matrices(
        ids, [{}] * len(ids), vectors, {"text": np.arange(len(text)), "image": rows, "fused": rows}
    )


def test_the_mean_cosine_is_that_of_all_pairs():
    vectors = normalize(np.random.default_rng(0).normal(size=(20, 6)))
    expected = np.mean([one @ other for one, other in combinations(vectors, 2)])
    assert mean_cosine(vectors) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(mean_cosine(vectors[:1]))


def test_a_collapsed_model_has_a_high_mean_cosine():
    rng = np.random.default_rng(1)
    collapsed = normalize(np.eye(1, 16) + 0.001 * rng.normal(size=(50, 16)))
    spread = normalize(rng.normal(size=(50, 16)))
    assert diagnose(matrices(collapsed, collapsed)).random_cosine["image–image"] > 0.99
    assert abs(diagnose(matrices(spread, spread)).random_cosine["image–image"]) < 0.2


def test_the_modality_gap_is_the_distance_of_the_means():
    text, image = np.eye(4)[[0, 0]], np.eye(4)[[1, 1]]
    assert diagnose(matrices(text, image)).modality_gap == pytest.approx(np.sqrt(2))
    assert diagnose(matrices(text, text)).modality_gap == 0


def test_hubs_raise_the_skewness_and_the_share_that_is_never_found():
    rng = np.random.default_rng(2)
    text = normalize(np.pad(rng.normal(size=(200, 8)), ((0, 0), (0, 1))))
    fair = diagnose(matrices(text, text))
    image = np.repeat(np.eye(1, 9, 8), 200, axis=0)  # at right angles to every text
    image[:20] = text[:20]
    hubs = diagnose(matrices(text, image))
    assert hubs.hubness > fair.hubness + 1
    assert hubs.never_found > 0.2 > fair.never_found
    assert hubs.pairing == "text → image"


def test_products_without_pictures_are_diagnosed_by_their_texts():
    text = normalize(np.random.default_rng(3).normal(size=(30, 8)))
    found = diagnose(matrices(text, np.empty((0, 8), np.float32)))
    assert found.modality_gap is None
    assert list(found.random_cosine) == ["text–text"]
    assert found.pairing == "text → text"


def test_only_the_texts_of_products_with_pictures_are_paired_with_them():
    text = np.eye(4)[[0, 1, 2]]
    found = diagnose(matrices(text, np.eye(4)[[1, 2]], owners=[1, 2]))
    assert found.modality_gap == 0


def test_occurrences_count_neighbours_and_leave_a_product_itself_out():
    line = normalize(np.array([[1, 0], [1, 0.1], [1, 0.3], [0, 1]], float))
    assert occurrences(line, line, k=1).tolist() == [1, 1, 1, 1]
    assert occurrences(line, line, k=1, itself=False).tolist() == [1, 2, 1, 0]
    assert occurrences(line[:1], line[:1], k=1, itself=False).tolist() == [0]


def test_duplicates_that_displace_a_product_from_its_own_results_keep_the_count():
    duplicates = np.repeat(np.eye(1, 4), 6, axis=0)
    assert occurrences(duplicates, duplicates, k=2, itself=False).sum() == 12


def test_skewness_is_the_third_moment():
    assert skewness(np.array([0, 0, 0, 4])) == pytest.approx(1.1547, abs=1e-4)
    assert skewness(np.array([2, 2])) == 0


def test_scores_of_relevant_products_are_compared_with_others():
    image = np.eye(4, dtype=np.float32)
    products = matrices(image, image)
    points = {"p0": Point("p0", {}, {"image": image[0]})}
    scores = sample_scores(
        {"q": image[0]},
        {"q": "image"},
        {"q": ["p0"]},
        points,
        {"q": {"p0": 1}},
        products,
        {"q": [("p0", 1.0), ("p2", 0.4), ("p1", 0.1)]},
    )
    assert scores.relevant.tolist() == [1]
    assert scores.others.tolist() == [0, 0, 0]
    assert scores.strongest.tolist() == [0.4]
    assert scores.auc == 1


def test_a_product_like_all_others_has_the_auc_of_the_random_baseline():
    image = np.repeat(np.eye(1, 4, dtype=np.float32), 3, axis=0)
    points = {"p0": Point("p0", {}, {"image": image[0]})}
    scores = sample_scores(
        {"q": image[0]}, {"q": "image"}, {"q": ["p0"]}, points, {"q": {"p0": 1}},
        matrices(image, image), {},
    )  # fmt: skip
    assert scores.auc == 0.5
    assert len(scores.strongest) == 0


def test_a_sample_is_of_the_same_products_for_every_variant(store):
    one, other = sample(store, "tiny", 7), sample(store, "other", 7)
    whole = sample(store, "tiny")
    assert one.ids == other.ids == whole.ids[:7]
    assert len(whole.ids) == 13
    assert len(whole.vectors["image"]) == 12
    assert whole.vectors["text"].shape[1] == whole.vectors["image"].shape[1]
