import numpy as np
import pytest

from encoder.vectors import normalize
from eval.indexes import NONE, ExactIndex, FaissIndex, top_k

RANDOM = np.random.default_rng(0)
VECTORS = normalize(RANDOM.normal(size=(500, 24)))
QUERIES = normalize(RANDOM.normal(size=(70, 24)))
RARE = RANDOM.random(500) < 0.04


def brute(allowed, k):
    scores = QUERIES @ VECTORS.T
    scores[:, ~allowed] = -np.inf
    return np.argsort(-scores, axis=1)[:, :k]


@pytest.mark.parametrize("make", [ExactIndex, FaissIndex])
@pytest.mark.parametrize("allowed", [None, RARE])
def test_exact_search_and_flat_faiss_find_what_sorting_finds(make, allowed):
    scores, rows = make(VECTORS).search(QUERIES, 10, allowed)
    everything = np.ones(500, bool) if allowed is None else allowed
    assert (rows == brute(everything, 10)).all()
    taken = np.take_along_axis(QUERIES @ VECTORS.T, rows, axis=1)
    assert scores == pytest.approx(taken, abs=1e-5)


def test_hnsw_finds_nearly_all_and_only_what_is_allowed():
    index = FaissIndex(VECTORS, "hnsw")
    _, rows = index.search(QUERIES, 10)
    truth = brute(np.ones(500, bool), 10)
    assert sum(len({*mine} & {*right}) for mine, right in zip(rows, truth, strict=True)) > 665
    _, rows = index.search(QUERIES, 10, RARE)
    assert set(rows.ravel()) <= {NONE, *np.flatnonzero(RARE)}


@pytest.mark.parametrize("make", [ExactIndex, FaissIndex, lambda v: FaissIndex(v, "hnsw")])
def test_positions_that_no_row_fills_are_empty(make):
    few = np.zeros(500, bool)
    few[[3, 8]] = True
    scores, rows = make(VECTORS).search(QUERIES[:2], 5, few)
    assert [set(each) for each in rows[:, :2].tolist()] == [{3, 8}, {3, 8}]
    assert (rows[:, 2:] == NONE).all()
    assert np.isneginf(scores[:, 2:]).all()
    _, rows = make(VECTORS).search(QUERIES[:2], 5, np.zeros(500, bool))
    assert (rows == NONE).all()


def test_equal_scores_come_in_the_order_of_their_rows():
    same = np.repeat(normalize(np.ones((1, 4))), 9, axis=0)
    _, rows = ExactIndex(same).search(same[:1], 9)
    assert rows[0].tolist() == list(range(9))


def test_of_equals_at_the_cut_those_of_the_first_columns_are_kept():
    scores = np.array([[0.1, 0.5, 0.9, 0.5, 0.5], [0.3, 0.3, 0.3, 0.3, 0.3]])
    assert top_k(scores, 3).tolist() == [[2, 1, 3], [0, 1, 2]]
    assert top_k(scores, 9).tolist() == [[2, 1, 3, 4, 0], [0, 1, 2, 3, 4]]


def test_equals_among_the_best_come_in_order_too():
    directions = normalize(RANDOM.normal(size=(300, 16)))
    directions[[40, 7, 299, 120]] = directions[40]
    _, rows = ExactIndex(directions).search(directions[[40]], 20)
    assert rows[0, :4].tolist() == [7, 40, 120, 299]


def test_another_kind_of_index_is_refused():
    with pytest.raises(ValueError, match="flat or hnsw"):
        FaissIndex(VECTORS, "ivf")
