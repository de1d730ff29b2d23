"""Retrieval measures: queries, gallery, relevant products."""

import numpy as np
import pytest

from catalog.product import Product
from encoder.encoder import Encoder
from encoder.variants import Variants
from encoder.vectors import normalize
from eval.measures import MEASURES
from finetune.evaluation import BASE, TUNED, Compared
from finetune.retrieval import (
    DEPTH,
    DIRECTIONS,
    PICTURE_TO_TEXT,
    TITLE_TO_PICTURE,
    Vectors,
    embed,
    means,
    score_directions,
)
from tests.finetune.conftest import draw, drawn_products, fill, read


def test_vectors_that_match_are_found_first(examples):
    same = normalize(np.random.default_rng(0).normal(size=(len(examples), 16)))
    scores = score_directions(Vectors(same, same, same), examples, range(len(examples)), range(5))
    for way in DIRECTIONS:
        assert scores[way]["nDCG@10"].tolist() == [1.0] * 5
        assert scores[way]["AvgMeanSimilarity@5"].shape == (5,)
    assert means(scores) == {"nDCG@10": 1.0, "Recall@10": 1.0}


def test_titles_search_pictures_and_pictures_search_texts(examples):
    random = np.random.default_rng(0)
    title, picture, text = (normalize(random.normal(size=(len(examples), 16))) for _ in range(3))
    every = range(len(examples))
    scores = score_directions(Vectors(title, title, text), examples, every, every)
    assert scores[TITLE_TO_PICTURE]["Recall@1"].mean() == 1
    assert scores[PICTURE_TO_TEXT]["Recall@1"].mean() < 0.3
    scores = score_directions(Vectors(title, picture, picture), examples, every, every)
    assert scores[TITLE_TO_PICTURE]["Recall@1"].mean() < 0.3
    assert scores[PICTURE_TO_TEXT]["Recall@1"].mean() == 1


def test_products_that_share_something_are_relevant(tmp_path):
    twins = [
        (Product(f"{p.id}-twin", p.title), draw("plum", "disc")) for p, _ in drawn_products()[:1]
    ]
    examples = read(fill(tmp_path, drawn_products() + twins))
    vectors = normalize(np.random.default_rng(0).normal(size=(33, 16)))
    query = examples.row_of[twins[0][0].id]
    found = vectors.copy()
    found[query] = -vectors[query]  # itself comes last, its twin in title first
    found[examples.row_of[drawn_products()[0][0].id]] = vectors[query]
    score = score_directions(Vectors(vectors, found, found), examples, range(33), [query])
    assert score[TITLE_TO_PICTURE]["MRR"][0] == 1


def test_another_product_of_the_parent_is_neither_right_nor_wrong(tmp_path):
    shades = [(Product(p.id, p.title, parent="lipstick"), data) for p, data in drawn_products()[:3]]
    examples = read(fill(tmp_path, shades + drawn_products()[3:]))
    every, shade_rows = range(32), [examples.row_of[product.id] for product, _ in shades]
    vectors = np.eye(32, dtype=np.float32)
    other_shade = vectors.copy()
    other_shade[shade_rows] = vectors[np.roll(shade_rows, 1)]
    right, wrong = (
        score_directions(Vectors(titles, vectors, vectors), examples, every, shade_rows)
        for titles in (vectors, other_shade)
    )
    assert right[TITLE_TO_PICTURE]["MRR"].tolist() == [1, 1, 1]
    # The other shades are left out, so the own one is found among the rest, all at a cosine of 0.
    assert (wrong[TITLE_TO_PICTURE]["MRR"] < 1).any()
    assert wrong[TITLE_TO_PICTURE]["MRR"].mean() < 0.5


def test_only_the_gallery_can_be_found_and_only_so_deep(examples):
    vectors = normalize(np.ones((len(examples), 4)))
    scores = score_directions(Vectors(vectors, vectors, vectors), examples, range(10, 20), [15])
    assert scores[TITLE_TO_PICTURE]["MRR"][0] == pytest.approx(1 / 6)  # equals keep their order
    assert DEPTH > 50


def test_the_vectors_are_those_of_the_encoder(examples, tiny_clip, tmp_path):
    encoder = Encoder.load(Variants(tmp_path).add("tiny", tiny_clip, template="title"))
    vectors = embed(encoder, examples, range(8), [2, 3])
    pictures = [examples.open(row) for row in examples.rows[:8]]
    np.testing.assert_allclose(vectors.picture[:8], encoder.encode_images(pictures), atol=1e-5)
    texts = encoder.encode_texts([row.text for row in examples.rows[:8]])
    np.testing.assert_allclose(vectors.text[:8], texts, atol=1e-5)
    assert not vectors.picture[8:].any()
    assert np.flatnonzero(vectors.title.any(axis=1)).tolist() == [2, 3]


def test_a_difference_is_corrected_for_two_directions(examples):
    random = np.random.default_rng(0)
    good, bad = (normalize(random.normal(size=(len(examples), 16))) for _ in range(2))
    every = range(len(examples))
    scores = {
        BASE: score_directions(Vectors(bad, good, bad), examples, every, every),
        TUNED: score_directions(Vectors(good, good, bad), examples, every, every),
    }
    evaluation = Compared(scores, examples.groups).evaluation(every, gallery=len(examples))
    assert evaluation.differences[TITLE_TO_PICTURE].winner == TUNED
    assert evaluation.differences[PICTURE_TO_TEXT].winner == ""
    gap = evaluation.differences[TITLE_TO_PICTURE]
    assert gap.p_holm == pytest.approx(2 * gap.p)
    assert evaluation.facts()["ways"][TITLE_TO_PICTURE]["base"]["nDCG@10"]["n"] == len(examples)


@pytest.mark.parametrize(
    ("gains", "recommended"),
    [((0.1, 0.1), True), ((0.1, 0.0), True), ((0.0, 0.0), False), ((0.3, -0.1), False)],
)
def test_a_variant_is_recommended_where_its_mean_gains_and_no_direction_loses(gains, recommended):
    random = np.random.default_rng(2)
    base = {direction: random.uniform(0.2, 0.6, 200) for direction in DIRECTIONS}
    tuned = {
        direction: base[direction] + gain + random.normal(0, 0.02, 200)
        for direction, gain in zip(DIRECTIONS, gains, strict=True)
    }
    scores = {
        name: {direction: dict.fromkeys(MEASURES, values) for direction, values in both.items()}
        for name, both in ((BASE, base), (TUNED, tuned))
    }
    groups = [str(row) for row in range(200)]
    found = Compared(scores, groups).evaluation(range(200), gallery=200)
    assert found.recommended is recommended
    assert found.gain.value == pytest.approx(np.mean(gains), abs=0.01)


def test_products_of_one_group_are_one_cluster_of_the_evaluation():
    """Two equal models: 30 groups of 8 products that share a title, and so its scores."""
    random = np.random.default_rng(1)
    groups = [f"g{number // 8}" for number in range(240)]

    def scores():
        drawn = np.repeat(random.random(30), 8)
        return {direction: dict.fromkeys(MEASURES, drawn) for direction in DIRECTIONS}

    rejected = 0
    for seed in range(8):
        compared = Compared({BASE: scores(), TUNED: scores()}, groups, seed)
        found = compared.evaluation(range(240), gallery=240)
        gap = found.differences[TITLE_TO_PICTURE]
        assert (gap.n, gap.clusters, found.groups) == (240, 30, 30)
        rejected += gap.p < 0.05
    assert rejected <= 1
