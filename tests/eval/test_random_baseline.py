import numpy as np
import pytest

from eval.measures import MEASURES, score
from eval.random_baseline import expected


@pytest.mark.parametrize("size", [7, 30, 120])
def test_chance_is_the_mean_over_random_orders(size):
    rng = np.random.default_rng(size)
    products = [f"p{number}" for number in range(size)]
    grades = {"p0": 3, "p1": 1, "p2": 1}
    rounds = 6000
    qrels = {f"q{number}": grades for number in range(rounds)}
    ranked = {query: [products[place] for place in rng.permutation(size)[:100]] for query in qrels}
    drawn = score(qrels, ranked)
    told = expected({"q": grades}, [size], depth=100)
    assert set(told) == set(MEASURES)
    for measure in MEASURES:
        assert told[measure][0] == pytest.approx(drawn[measure].mean(), abs=0.015)


def test_more_right_answers_than_are_looked_at_keep_chance_below_1():
    told = expected({"q": {f"p{number}": 1 for number in range(50)}}, [100], depth=100)
    assert told["nDCG@10"][0] == pytest.approx(0.5)
    assert told["Recall@10"][0] == pytest.approx(0.1)
