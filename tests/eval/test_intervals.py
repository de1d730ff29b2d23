import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import t as student

from eval.intervals import (
    DIFFERENCES,
    SHARES,
    ClusterSums,
    bca_interval,
    bootstrap,
    interval,
    sum_clusters,
    t_interval,
    within,
)


def single(scores):
    """Scores (n, m) or (n,) of independent queries."""
    scores = np.asarray(scores, float).reshape(len(scores), -1)
    return sum_clusters(scores, np.arange(len(scores)))


def test_scores_are_summed_by_cluster():
    clusters = sum_clusters(np.array([[1.0, 0], [0, 2], [1, 4]]), np.array(["b", "a", "b"]))
    assert clusters.sums.tolist() == [[0, 2], [2, 4]]
    assert clusters.sizes.tolist() == [1, 2]
    assert clusters.means == pytest.approx([2 / 3, 2])


def test_many_queries_have_the_interval_of_the_normal_approximation():
    values = np.random.default_rng(0).random(1000)
    low, high = interval(single(values), bounds=SHARES)
    half = 1.96 * values.std() / np.sqrt(1000)
    assert low[0] == pytest.approx(values.mean() - half, abs=0.001)
    assert high[0] == pytest.approx(values.mean() + half, abs=0.001)


def test_bca_and_t_agree_with_an_independent_library():
    values = np.random.default_rng(1).exponential(size=25)
    clusters = single(values)
    low, high = bca_interval(bootstrap(clusters, resamples=20_000), clusters)
    expected = scipy_bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=0.03)
    low, high = t_interval(clusters)
    expected = student.interval(0.95, 24, values.mean(), values.std(ddof=1) / 5)
    assert (low[0], high[0]) == pytest.approx(expected)


@pytest.mark.parametrize("size", [8, 20])
def test_few_skewed_scores_are_covered_by_95_percent_of_the_intervals(size):
    """nDCG@10 of one relevant product, found at any rank of ten by 3 queries of 10."""
    rng, discounts = np.random.default_rng(3), 1 / np.log2(np.arange(2, 12))
    scores = (rng.random((size, 1000)) < 0.3) * discounts[rng.integers(0, 10, (size, 1000))]
    low, high = interval(single(scores), resamples=1000, bounds=SHARES)
    truth = 0.3 * discounts.mean()
    assert np.mean((low <= truth) & (truth <= high)) > 0.935


def test_a_cluster_of_many_queries_weighs_more_and_counts_once():
    means = bootstrap(ClusterSums(np.array([[3.0], [0.0]]), np.array([3.0, 1.0])), resamples=4000)
    values, counts = np.unique(means, return_counts=True)
    assert values.tolist() == [0, 0.75, 1]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_every_column_has_the_same_resamples():
    values = np.random.default_rng(1).random((50, 1))
    means = bootstrap(single(np.hstack([values, values + 2])), resamples=700)
    assert means[:, 1] - means[:, 0] == pytest.approx(np.full(700, 2.0))


def test_a_seed_gives_the_same_resamples_again():
    clusters = single(np.random.default_rng(2).random((30, 2)))
    assert (bootstrap(clusters, seed=5) == bootstrap(clusters, seed=5)).all()
    assert (bootstrap(clusters, seed=5) != bootstrap(clusters, seed=6)).any()


def test_fewer_than_two_clusters_have_no_interval():
    ends = interval(sum_clusters(np.ones((5, 2)), np.zeros(5)), bounds=SHARES)
    assert np.isnan(ends).all()


def test_equal_scores_have_an_interval_without_width():
    assert np.ravel(interval(single(np.full((9, 2), 0.5)), bounds=SHARES)) == pytest.approx(
        [0.5] * 4
    )


def test_scores_that_are_all_0_or_all_1_have_the_interval_of_clopper_and_pearson():
    [low], [high] = interval(single(np.ones(8)), bounds=SHARES)
    assert (low, high) == pytest.approx((0.6306, 1), abs=1e-4)
    [low], [high] = interval(single(np.zeros(8)), bounds=SHARES)
    assert (low, high) == pytest.approx((0, 0.3694), abs=1e-4)


def test_differences_that_are_all_0_have_no_width_and_those_that_are_all_1_do():
    [low, lower], [high, higher] = interval(single(np.tile([0.0, 1.0], (8, 1))), bounds=DIFFERENCES)
    assert (low, high) == (0, 0)
    assert (lower, higher) == pytest.approx((0.2611, 1), abs=1e-4)


def test_an_interval_lies_within_the_bounds_of_the_scores():
    clusters = single([1, 1, 1, 1, 0])
    assert t_interval(clusters)[1] > 1
    low, high = within(SHARES, t_interval(clusters), clusters)
    assert 0 <= low[0] < 0.8 < high[0] == 1
