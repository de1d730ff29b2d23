import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from eval.comparison import (
    Difference,
    bootstrap,
    compare_variants,
    estimate,
    holm,
    interval,
    randomisation,
    wins,
)
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
    found = Difference("MRR", "a", "b", 0.1, -0.01, 0.21, p=0.01, p_holm=0.01, n=50)
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


def test_the_bootstrap_interval_is_that_of_the_normal_approximation_for_many_queries():
    values = np.random.default_rng(0).random((1000, 1))
    low, high = interval(bootstrap(values))
    half = 1.96 * values.std() / np.sqrt(1000)
    assert low[0] == pytest.approx(values.mean() - half, abs=0.001)
    assert high[0] == pytest.approx(values.mean() + half, abs=0.001)


def test_every_column_sees_the_same_resamples():
    values = np.random.default_rng(1).random((50, 1))
    means = bootstrap(np.hstack([values, values + 2]), resamples=700)
    assert means[:, 1] - means[:, 0] == pytest.approx(np.full(700, 2.0))


def test_resamples_are_drawn_with_replacement_and_of_full_size():
    means = bootstrap(np.array([[0.0], [1.0]]), resamples=4000)[:, 0]
    values, counts = np.unique(means, return_counts=True)
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_a_seed_gives_the_same_interval_again():
    values = np.random.default_rng(2).random((30, 2))
    assert (bootstrap(values, seed=5) == bootstrap(values, seed=5)).all()
    assert (bootstrap(values, seed=5) != bootstrap(values, seed=6)).any()


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
