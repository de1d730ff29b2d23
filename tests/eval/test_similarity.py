import numpy as np
import pytest

from encoder.vectors import unit
from eval.similarity import average_name, ground_truth, mean_of_top, right_answers
from qdrant.store import Point


def test_the_mean_of_the_top_k_is_taken_whether_right_or_wrong():
    ranked = {"a": [("x", 0.9), ("y", 0.7), ("z", 0.1)], "b": [("x", 0.5)], "c": []}
    means = mean_of_top(ranked, ["a", "b", "c", "d"], 2)
    assert means[:2] == pytest.approx([0.8, 0.5])
    assert np.isnan(means[2:]).all()
    assert average_name(5) == "AvgMeanSimilarity@5"


def test_the_ground_truth_similarity_is_the_text_cosine_over_the_root_of_2():
    rng = np.random.default_rng(0)
    query, text, image = unit(rng.normal(size=(3, 8)))
    points = {"p": Point("p", {}, {"text": text, "image": image})}
    [value] = ground_truth({"q": query}, ["q"], {"q": ["p"]}, points)
    assert value == pytest.approx(float(query @ text) / np.sqrt(2), abs=1e-6)


def test_the_ground_truth_similarity_never_exceeds_0707_even_for_the_product_itself():
    text = unit(np.arange(1.0, 9))
    points = {"p": Point("p", {}, {"text": text, "image": text})}
    [value] = ground_truth({"q": text}, ["q"], {"q": ["p"]}, points)
    assert value == pytest.approx(0.7071, abs=1e-4)


def test_the_ground_truth_needs_a_text_and_a_product_with_a_picture():
    text = unit(np.ones(4))
    both = Point("both", {}, {"text": text, "image": text})
    alone = Point("alone", {}, {"text": -text})
    points = {"both": both, "alone": alone}
    right = {"q": ["both", "alone"], "r": ["alone"], "s": ["both"]}
    values = ground_truth({"q": text, "r": text}, ["q", "r", "s"], right, points)
    assert values[0] == pytest.approx(0.7071, abs=1e-4)  # the one without a picture left out
    assert np.isnan(values[1:]).all()


def test_of_very_many_right_answers_a_fixed_draw_is_looked_at():
    qrels = {"few": {"a": 1, "b": 2}, "many": {f"p{number}": 1 for number in range(500)}}
    chosen = right_answers(qrels, most=20)
    assert chosen["few"] == ["a", "b"]
    assert len(set(chosen["many"])) == 20
    assert chosen == right_answers(qrels, most=20)
