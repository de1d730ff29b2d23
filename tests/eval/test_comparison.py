import math
from dataclasses import replace

import numpy as np
import pytest

from eval.comparison import Difference, differences, estimates, rows_of, wins
from eval.measures import MEASURES

SETTINGS = {"resamples": 1000, "seed": 0}


def variant(values):
    return {measure: np.asarray(values, float) for measure in MEASURES}


def told(first, second, **more):
    found = differences(
        {"base": variant(first), "tuned": variant(second), **more}, resamples=1000, seed=0
    )
    return next(each for each in found if each.measure == "nDCG@10")


def test_a_difference_on_nearly_every_query_has_a_winner():
    base = np.random.default_rng(0).random(200) * 0.5
    each = told(base, base + 0.1)
    assert each.winner == "tuned"
    assert each.value == pytest.approx(0.1)
    assert each.low == pytest.approx(0.1)
    assert "tuned is better than base in nDCG@10, by 0.100" in each.verdict
    assert "p < 0.001" in each.verdict
    assert told(base + 0.1, base).winner == "base"


def test_a_difference_inside_the_noise_has_no_winner():
    rng = np.random.default_rng(1)
    base = rng.random(100)
    each = told(base, base + rng.normal(0.005, 0.3, 100))
    assert each.winner == ""
    assert each.low < 0 < each.high
    assert each.verdict.startswith("No winner between base and tuned")
    assert "within the noise of 100 queries" in each.verdict


def test_a_small_p_alone_makes_no_winner_where_the_interval_holds_0():
    told = Difference("MRR", "a", "b", 0.1, -0.01, 0.21, p=0.01, p_holm=0.01, n=50)
    assert told.winner == ""
    assert replace(told, low=0.01).winner == "b"


def test_one_query_names_no_winner_and_has_no_interval():
    each = told([0.0], [1.0])
    assert each.winner == ""
    assert math.isnan(each.low)
    assert "One query says nothing" in each.verdict


def test_a_winner_of_one_test_may_be_none_of_many():
    rng = np.random.default_rng(2)
    base = rng.random(60)
    tuned = base + rng.normal(0.045, 0.15, 60)
    alone = told(base, tuned)
    assert 0.01 < alone.p < 0.05
    assert alone.winner == "tuned"
    more = {f"v{number}": variant(base + rng.normal(0, 0.15, 60)) for number in range(3)}
    among = told(base, tuned, **more)
    assert among.p == pytest.approx(alone.p, abs=0.01)
    assert among.p_holm > 0.05
    assert among.winner == ""


def test_every_two_variants_are_compared_in_every_ranking_measure():
    found = differences(
        {name: variant([0, 1, 0.5]) | {"AvgMeanSimilarity@5": np.ones(3)} for name in "abc"},
        **SETTINGS,
    )
    assert len(found) == 3 * len(MEASURES)
    assert {each.measure for each in found} == set(MEASURES)
    assert differences({"a": variant([0, 1])}, **SETTINGS) == []


def test_an_estimate_leaves_out_queries_that_a_measure_has_no_value_for():
    scores = {"a": {"close": np.array([0.2, np.nan, 0.4]), "right": np.array([1.0, 0.0, 0.5])}}
    found = estimates(scores, **SETTINGS)["a"]
    assert found["close"].value == pytest.approx(0.3)
    assert found["close"].n == 2
    assert found["right"].value == pytest.approx(0.5)
    assert found["right"].n == 3
    assert found["right"].low <= 0.5 <= found["right"].high


def test_an_estimate_of_nothing_is_no_number():
    found = estimates({"a": {"close": np.array([np.nan])}}, **SETTINGS)["a"]["close"]
    assert found.n == 0
    assert math.isnan(found.value)


def test_rows_are_grouped_by_label_the_most_frequent_first():
    grouped = rows_of(["b", "a", "", "b"])
    assert list(grouped) == ["b", "a"]
    assert grouped["b"].tolist() == [0, 3]


def test_a_variant_wins_when_it_beats_every_other_one_beyond_noise():
    base = np.random.default_rng(0).random(200) * 0.5
    scores = {"base": variant(base), "same": variant(base), "tuned": variant(base + 0.1)}
    found = differences(scores, **SETTINGS)
    assert wins("tuned", found)
    assert not wins("same", found)
    assert not wins("alone", found)
