import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from eval.comparison import (
    Difference,
    compare_variants,
    estimate,
    format_queries,
    holm,
    randomisation,
    wins,
)
from eval.intervals import sum_clusters
from eval.measures import MEASURES

SETTINGS = {"resamples": 1000, "seed": 0}


def variant(values):
    return {measure: np.asarray(values, float) for measure in MEASURES}


def compared(first, second, **more):
    found = compare_variants(
        {"base": variant(first), "tuned": variant(second), **more}, resamples=1000, seed=0
    )
    return next(each for each in found if each.measure == "nDCG@10")


def test_a_difference_on_nearly_every_query_has_a_winner():
    base = np.random.default_rng(0).random(200) * 0.5
    each = compared(base, base + 0.1)
    assert each.winner == "tuned"
    assert each.value == pytest.approx(0.1)
    assert each.low == pytest.approx(0.1)
    assert "tuned is better than base in nDCG@10, by 0.100" in each.verdict
    assert "p < 0.001" in each.verdict
    assert compared(base + 0.1, base).winner == "base"


def test_a_difference_inside_the_noise_has_no_winner():
    rng = np.random.default_rng(1)
    base = rng.random(100)
    each = compared(base, base + rng.normal(0.005, 0.3, 100))
    assert each.winner == ""
    assert each.low < 0 < each.high
    assert each.verdict.startswith("No winner between base and tuned")
    assert "within the noise of 100 queries" in each.verdict


def test_a_small_p_by_itself_makes_no_winner_where_the_interval_holds_0():
    found = Difference("MRR", "a", "b", 0.1, -0.01, 0.21, p=0.01, p_holm=0.01, n=50, clusters=50)
    assert found.winner == ""
    assert replace(found, low=0.01).winner == "b"


def test_one_query_names_no_winner_and_has_no_interval():
    each = compared([0.0], [1.0])
    assert each.winner == ""
    assert math.isnan(each.low)
    assert "One query says nothing" in each.verdict


def test_a_winner_of_one_test_may_be_none_of_many():
    rng = np.random.default_rng(2)
    base = rng.random(60)
    tuned = base + rng.normal(0.045, 0.15, 60)
    pair = compared(base, tuned)
    assert 0.01 < pair.p < 0.05
    assert pair.winner == "tuned"
    more = {f"v{number}": variant(base + rng.normal(0, 0.15, 60)) for number in range(3)}
    of_many = compared(base, tuned, **more)
    assert of_many.p == pytest.approx(pair.p, abs=0.01)
    assert of_many.p_holm > 0.05
    assert of_many.winner == ""


def test_every_two_variants_are_compared_in_every_ranking_measure():
    found = compare_variants(
        {name: variant([0, 1, 0.5]) | {"AvgMeanSimilarity@5": np.ones(3)} for name in "abc"},
        **SETTINGS,
    )
    assert len(found) == 3 * len(MEASURES)
    assert {each.measure for each in found} == set(MEASURES)
    assert compare_variants({"a": variant([0, 1])}, **SETTINGS) == []


def test_an_estimate_leaves_out_queries_that_a_measure_has_no_value_for():
    scores = {"a": {"close": np.array([0.2, np.nan, 0.4]), "right": np.array([1.0, 0.0, 0.5])}}
    found = estimate(scores, **SETTINGS)["a"]
    assert found["close"].value == pytest.approx(0.3)
    assert found["close"].n == 2
    assert found["right"].value == pytest.approx(0.5)
    assert found["right"].n == 3
    assert found["right"].low <= 0.5 <= found["right"].high


def test_an_estimate_of_nothing_is_no_number():
    found = estimate({"a": {"close": np.array([np.nan])}}, **SETTINGS)["a"]["close"]
    assert found.n == 0
    assert math.isnan(found.value)


def test_a_variant_wins_when_it_beats_every_other_one_beyond_noise():
    base = np.random.default_rng(0).random(200) * 0.5
    scores = {"base": variant(base), "same": variant(base), "tuned": variant(base + 0.1)}
    found = compare_variants(scores, **SETTINGS)
    assert wins("tuned", found)
    assert not wins("same", found)
    assert not wins("unknown", found)


def test_few_queries_are_tested_by_every_assignment_of_signs():
    differences = np.random.default_rng(3).normal(0.3, 1, (9, 1))
    seen = abs(differences.sum())
    every = [abs(np.dot(signs, differences[:, 0])) for signs in product((-1, 1), repeat=9)]
    expected = np.mean(np.array(every) >= seen - 1e-12)
    assert randomisation(differences)[0] == pytest.approx(expected)


def test_many_queries_are_tested_by_drawn_signs_near_the_exact_value():
    differences = np.random.default_rng(4).normal(0.4, 1, (15, 1))
    signs = np.array(list(product((-1.0, 1.0), repeat=15)))
    exact = np.mean(np.abs(signs @ differences[:, 0]) >= abs(differences.sum()) - 1e-12)
    assert randomisation(differences, rounds=20_000)[0] == pytest.approx(exact, abs=0.01)


def test_equal_variants_have_p_1_and_p_is_never_0():
    assert randomisation(np.zeros((200, 1)))[0] == 1
    assert 0 < randomisation(np.ones((200, 1)), rounds=1000)[0] < 0.002


def test_p_is_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(5)
    p_values = randomisation(rng.normal(size=(40, 400)), rounds=500)
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(p_values < 0.5) == pytest.approx(0.5, abs=0.08)


def test_holm_corrects_as_in_its_paper():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]


def test_dependent_queries_are_resampled_and_flipped_together():
    """Eight copies of a query weigh as much as one."""
    rng = np.random.default_rng(6)
    base, gain = rng.random(30) * 0.5, rng.normal(0.05, 0.2, 30)
    once = compared(base, base + gain)
    scores = {
        "base": variant(np.repeat(base, 8)),
        "tuned": variant(np.repeat(base + gain, 8)),
    }
    clusters = np.repeat(np.arange(30), 8)
    [copied] = [
        each
        for each in compare_variants(scores, **SETTINGS, clusters=clusters)
        if each.measure == "nDCG@10"
    ]
    assert (copied.n, copied.clusters) == (240, 30)
    assert (copied.value, copied.low, copied.high) == pytest.approx(
        (once.value, once.low, once.high)
    )
    assert copied.p == once.p
    mean = estimate({"base": scores["base"]}, **SETTINGS, clusters=clusters)["base"]["MRR"]
    alone = estimate({"base": variant(base)}, **SETTINGS)["base"]["MRR"]
    assert (mean.n, mean.clusters) == (240, 30)
    assert (mean.low, mean.high) == pytest.approx((alone.low, alone.high))


def test_equal_models_differ_in_5_percent_of_evaluations_of_dependent_queries():
    """60 groups of 8 products: by product, the test would reject in half of the evaluations."""
    rng = np.random.default_rng(7)
    groups, trials = np.repeat(np.arange(60), 8), 300
    gaps = np.repeat(rng.normal(size=(60, trials)), 8, axis=0)
    gaps += 0.3 * rng.normal(size=gaps.shape)
    p_values = randomisation(sum_clusters(gaps, groups).sums, rounds=1000)
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(randomisation(gaps, rounds=1000) < 0.05) > 0.4


def test_one_cluster_names_no_winner_and_has_no_interval():
    scores = {"base": variant([0, 0, 0]), "tuned": variant([1, 1, 1])}
    found = compare_variants(scores, **SETTINGS, clusters=[4, 4, 4])[0]
    assert found.winner == ""
    assert found.p == 1
    assert math.isnan(found.low)
    assert "One cluster of 3 queries says nothing" in found.verdict


def test_a_number_of_queries_is_written_with_that_of_their_clusters():
    assert format_queries(1, 1) == "1 query"
    assert format_queries(1200, 1200) == "1,200 queries"
    assert format_queries(1200, 60) == "1,200 queries in 60 clusters"
    assert format_queries(3, 1) == "3 queries in 1 cluster"
