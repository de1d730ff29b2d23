from itertools import product

import numpy as np
import pytest

from eval.significance import bootstrap, holm, interval, randomisation


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
