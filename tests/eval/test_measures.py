import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from encoder.vectors import normalize
from eval.measures import (
    MEASURES,
    average_name,
    ground_truth_similarity,
    mean_similarity,
    random_baseline,
    sample_relevant,
    score,
)
from qdrant.model import Point


def scored(grades, shown):
    return {name: values[0] for name, values in score({"q": grades}, {"q": shown}).items()}


def test_measures_agree_with_a_case_worked_by_hand():
    scores = scored({"a": 2, "b": 1, "c": 1}, ["x", "a", "y", "b"])
    found = 2 / math.log2(3) + 1 / math.log2(5)
    best = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores["nDCG@10"] == pytest.approx(found / best)
    assert scores["MRR"] == 1 / 2
    assert scores["Recall@1"] == 0
    assert scores["Recall@5"] == scores["Recall@50"] == pytest.approx(2 / 3)


def test_gains_are_linear_and_not_exponential():
    scores = scored({"a": 3, "b": 1}, ["b", "a"])
    assert scores["nDCG@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_the_order_shown_is_judged_and_not_the_order_of_ids():
    assert scored({"a": 1}, ["a", "b", "c"])["Recall@1"] == 1
    assert scored({"c": 1}, ["a", "b", "c"])["Recall@1"] == 0


def test_measures_look_no_deeper_than_they_say():
    shown = [f"x{number}" for number in range(10)] + ["a"]
    scores = scored({"a": 1}, shown)
    assert scores["nDCG@10"] == scores["Recall@10"] == 0
    assert scores["Recall@50"] == 1
    assert scores["MRR"] == pytest.approx(1 / 11)


def test_a_query_without_an_answer_scores_0_and_keeps_its_place():
    scores = score({"first": {"a": 1}, "second": {"b": 1}}, {"first": [], "second": ["b"]})
    for name in MEASURES:
        assert scores[name].tolist() == [0.0, 1.0]


def test_scores_come_in_the_order_of_the_qrels():
    names = [f"q{number}" for number in (10, 9, 2, 1)]
    scores = score({name: {"a": 1} for name in names}, {"q2": ["a"]})
    assert scores["MRR"].tolist() == [0, 0, 1, 0]


def test_ndcg_agrees_with_an_independent_library():
    rng = np.random.default_rng(3)
    products = [f"p{number:02}" for number in range(40)]
    qrels, ranked, expected = {}, {}, []
    for number in range(60):
        grades = rng.integers(0, 4, 40) * (rng.random(40) < 0.2)
        grades[rng.integers(40)] = 1
        scores = rng.permutation(40).astype(float)
        order = np.argsort(-scores)
        qrels[f"q{number}"] = {
            product: int(grade) for product, grade in zip(products, grades, strict=True) if grade
        }
        ranked[f"q{number}"] = [products[place] for place in order]
        expected.append(ndcg_score([grades], [scores], k=10))
    assert score(qrels, ranked)["nDCG@10"] == pytest.approx(expected)


@pytest.mark.parametrize("size", [7, 30, 120])
def test_the_random_baseline_is_the_mean_over_random_orders(size):
    rng = np.random.default_rng(size)
    products = [f"p{number}" for number in range(size)]
    grades = {"p0": 3, "p1": 1, "p2": 1}
    rounds = 6000
    qrels = {f"q{number}": grades for number in range(rounds)}
    ranked = {query: [products[place] for place in rng.permutation(size)[:100]] for query in qrels}
    drawn = score(qrels, ranked)
    expected = random_baseline({"q": grades}, [size], depth=100)
    assert set(expected) == set(MEASURES)
    for measure in MEASURES:
        assert expected[measure][0] == pytest.approx(drawn[measure].mean(), abs=0.015)


def test_more_relevant_products_than_the_cut_keep_the_random_baseline_below_1():
    expected = random_baseline({"q": {f"p{number}": 1 for number in range(50)}}, [100], depth=100)
    assert expected["nDCG@10"][0] == pytest.approx(0.5)
    assert expected["Recall@10"][0] == pytest.approx(0.1)


def test_the_mean_of_the_top_k_is_taken_whether_right_or_wrong():
    ranked = {"a": [("x", 0.9), ("y", 0.7), ("z", 0.1)], "b": [("x", 0.5)], "c": []}
    means = mean_similarity(ranked, ["a", "b", "c", "d"], 2)
    assert means[:2] == pytest.approx([0.8, 0.5])
    assert np.isnan(means[2:]).all()
    assert average_name(5) == "AvgMeanSimilarity@5"


def test_the_ground_truth_similarity_is_the_text_cosine_over_the_root_of_2():
    rng = np.random.default_rng(0)
    query, text, image = normalize(rng.normal(size=(3, 8)))
    points = {"p": Point("p", {}, {"text": text, "image": image})}
    [value] = ground_truth_similarity({"q": query}, {"q": ["p"]}, points)
    assert value == pytest.approx(float(query @ text) / np.sqrt(2), abs=1e-6)


def test_the_ground_truth_similarity_never_exceeds_0707_even_for_the_product_itself():
    text = normalize(np.arange(1.0, 9))
    points = {"p": Point("p", {}, {"text": text, "image": text})}
    [value] = ground_truth_similarity({"q": text}, {"q": ["p"]}, points)
    assert value == pytest.approx(0.7071, abs=1e-4)


def test_the_ground_truth_needs_a_text_and_a_product_with_a_picture():
    text = normalize(np.ones(4))
    both = Point("both", {}, {"text": text, "image": text})
    bare = Point("bare", {}, {"text": -text})
    points = {"both": both, "bare": bare}
    relevant = {"q": ["both", "bare"], "r": ["bare"], "s": ["both"]}
    values = ground_truth_similarity({"q": text, "r": text}, relevant, points)
    assert values[0] == pytest.approx(0.7071, abs=1e-4)  # the one without a picture left out
    assert np.isnan(values[1:]).all()


def test_of_very_many_relevant_products_a_fixed_draw_is_compared():
    qrels = {"few": {"a": 1, "b": 2}, "many": {f"p{number}": 1 for number in range(500)}}
    chosen = sample_relevant(qrels, most=20)
    assert chosen["few"] == ["a", "b"]
    assert len(set(chosen["many"])) == 20
    assert chosen == sample_relevant(qrels, most=20)
